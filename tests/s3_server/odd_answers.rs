//! Answers that are not S3's, or are for another region.

use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_client::error::S3Error;

use super::body_of;
use super::fake::{Fake, answer, page, refusal};

const PUT_DONE: &str = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";

/// Every operation of a client ends with an answer or an error that shows nothing of the credentials.
async fn all_errors(client: &S3Client) -> Vec<S3Error> {
    let results = [
        client.head_bucket().await,
        client.get_small("key", 1000).await.map(drop),
        client.has("key").await.map(drop),
        client.put_bytes("key", body_of(10)).await,
        client.list("", |_| ()).await,
        client.delete(&["key".to_owned()]).await.map(drop),
    ];
    let errors: Vec<S3Error> = results.into_iter().filter_map(Result::err).collect();
    for error in &errors {
        let text = format!("{error}{error:?}{}", error.report());
        for secret in ["the-id", "the-secret", "Signature"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    errors
}

#[tokio::test]
async fn pages_of_a_proxy_are_no_answers_of_s3() {
    const HTML: &str = "<!DOCTYPE html><html><body>Sign in <br> to the network</body></html>";
    for (status, failures) in [("403 Forbidden", 6), ("502 Bad Gateway", 6), ("504 Gateway Timeout", 6), ("200 OK", 1)]
    {
        let fake =
            Fake::answering(move |asked| if asked.is("HEAD") { answer(status, "") } else { answer(status, HTML) });
        let errors = all_errors(&fake.client()).await;
        assert_eq!(errors.len(), failures, "{status}: {errors:?}");
        for error in errors {
            assert!(matches!(error, S3Error::Status { .. } | S3Error::AccessDenied { .. }), "{status}: {error:?}");
            assert!(!error.to_string().contains("Sign in"), "{error}");
        }
    }
    let fake = Fake::answering(|_| answer("502 Bad Gateway", HTML));
    let error = fake.client().get_small("key", 9).await.unwrap_err();
    assert!(error.to_string().contains("answered 502 Bad Gateway ("), "{error}");
}

#[tokio::test]
async fn a_key_that_the_store_does_not_know_is_denied_whatever_the_status() {
    for (status, code) in [("404 Not Found", "XAdminUserNotFound"), ("400 Bad Request", "InvalidAccessKeyId")] {
        let fake = Fake::answering(move |_| refusal(status, code));
        let client = fake.client();
        let get = client.get_small("key", 9).await.map(drop);
        for result in [get, client.put_bytes("key", body_of(1)).await, client.list("", |_| ()).await] {
            assert!(matches!(result, Err(S3Error::AccessDenied { .. })), "{code}: {result:?}");
        }
    }
}

#[tokio::test]
async fn empty_answers_and_answers_of_no_body_end() {
    for status in ["200 OK", "400 Bad Request", "500 Internal Server Error", "299 Whatever", "418 I'm a teapot"] {
        let fake = Fake::answering(move |_| answer(status, ""));
        all_errors(&fake.client()).await;
    }
}

#[tokio::test]
async fn a_redirection_to_elsewhere_is_not_followed() {
    let elsewhere = Fake::answering(|_| answer("200 OK", "x"));
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = elsewhere.endpoint();
        let fake = Fake::answering(move |_| {
            format!("HTTP/1.1 {status}\r\nLocation: {location}/cache/key\r\nContent-Length: 0\r\n\r\n")
        });
        let errors = all_errors(&fake.client()).await;
        assert_eq!(errors.len(), 6, "{errors:?}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn lengths_that_are_wrong_and_codings_do_no_harm() {
    let cut =
        Fake::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly this".to_owned());
    let error = cut.client().get_small("key", 1000).await.unwrap_err();
    assert!(matches!(error, S3Error::Truncated { .. }), "{error:?}");

    let chunked = Fake::answering(|asked| {
        let whole = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n";
        if asked.line().ends_with("cut") { whole.to_owned() } else { format!("{whole}0\r\n\r\n") }
    });
    assert_eq!(chunked.client().get_small("key", 10).await.unwrap().unwrap(), "abcde");
    let error = chunked.client().get_small("cut", 10).await.unwrap_err();
    assert!(matches!(error, S3Error::Truncated { announced_bytes: None, .. }), "{error:?}");

    // A coding that was not asked for is a part of the body: the reader's checksum finds it.
    let coded =
        Fake::answering(|_| "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc".to_owned());
    assert_eq!(coded.client().get_small("key", 10).await.unwrap().unwrap(), "abc");
}

#[tokio::test]
async fn old_servers_and_those_that_close_each_time_work() {
    for version in ["HTTP/1.0 200 OK\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n"] {
        let fake = Fake::answering(move |asked| {
            let listed = page(&["key"], "<IsTruncated>false</IsTruncated>");
            let body =
                if asked.parameter("list-type").is_some() { listed.split("\r\n\r\n").nth(1).unwrap() } else { "body" };
            // Without a length, the end of the connection is the end of the body.
            format!("{version}\r\n{body}")
        });
        let client = fake.client();
        for _ in 0..3 {
            assert_eq!(client.get_small("key", 10).await.unwrap().unwrap(), "body");
            let mut keys = 0;
            client.list("", |page| keys += page.len()).await.unwrap();
            assert_eq!(keys, 1);
            client.put_bytes("key", body_of(200_000)).await.unwrap();
        }
    }
}

/// A store that takes only requests that are signed for `eu-west-1`, and answers others with `wrong`.
fn in_eu(wrong: impl Fn(bool) -> String + Send + Sync + 'static) -> Fake {
    Fake::answering(move |asked| {
        if !asked.header("authorization").unwrap().contains("/eu-west-1/s3/") {
            return wrong(asked.is("HEAD"));
        }
        if asked.is("PUT") { PUT_DONE.to_owned() } else { answer("200 OK", "body") }
    })
}

fn wrong_region_body() -> String {
    let code = "<Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>";
    answer("400 Bad Request", &format!("<Error>{code}<Region>eu-west-1</Region></Error>"))
}

fn wrong_region_header(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nx-amz-bucket-region: eu-west-1\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn the_region_that_an_answer_names_is_used() {
    let body = in_eu(|_| wrong_region_body());
    let head = in_eu(|is_head| if is_head { wrong_region_header("400 Bad Request") } else { wrong_region_body() });
    let moved = in_eu(|_| wrong_region_header("301 Moved Permanently"));
    let temporary = in_eu(|_| wrong_region_header("307 Temporary Redirect"));
    for fake in [body, head, moved, temporary] {
        let client = fake.client();
        client.put_bytes("key", body_of(200_000)).await.unwrap();
        assert_eq!(fake.lines().len(), 2);
        assert_eq!(fake.asked()[1].body, body_of(200_000));
        assert!(client.has("key").await.unwrap());
        // A client that connects later knows it.
        fake.client().get_small("key", 10).await.unwrap();
        assert_eq!(fake.lines().len(), 4, "{:?}", fake.lines());
    }
    let head = in_eu(|_| wrong_region_header("400 Bad Request"));
    head.client().head_bucket().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body_of(300_000)).unwrap();
    let moved = in_eu(|_| wrong_region_header("301 Moved Permanently"));
    moved.client().put_file("key", file.path(), 300_000).await.unwrap();
    assert_eq!(moved.asked()[1].body, body_of(300_000));
}

#[tokio::test]
async fn a_store_that_names_regions_without_end_is_asked_twice() {
    let fake = Fake::answering(|asked| {
        let other = if asked.head.contains("/a-1/s3/") { "b-1" } else { "a-1" };
        let body = format!("<Error><Code>AuthorizationHeaderMalformed</Code><Region>{other}</Region></Error>");
        answer("400 Bad Request", &body)
    });
    let error = fake.client().get_small("key", 10).await.unwrap_err();
    assert!(matches!(error, S3Error::Status { status: 400, .. }), "{error:?}");
    assert_eq!(fake.lines().len(), 2);
    let no_region = Fake::answering(|_| {
        let body = "<Error><Code>InvalidRequest</Code><Region>eu\nwest</Region></Error>";
        answer("400 Bad Request", body)
    });
    no_region.client().get_small("key", 10).await.unwrap_err();
    assert_eq!(no_region.lines().len(), 1);
}

#[tokio::test]
async fn a_bucket_that_is_named_twice_is_hinted_at() {
    let fake = Fake::answering(|_| refusal("404 Not Found", "NoSuchKey"));
    let mut config = fake.config();
    config.endpoint_url += "/cache";
    let error = S3Client::connect(&config).list("packs-v1/", |_| ()).await.unwrap_err();
    assert!(error.to_string().contains(": S3_ENDPOINT ends with the bucket's name: leave it out ("), "{error}");
    assert!(error.report().contains("\n  next:  S3_ENDPOINT ends with the bucket's name"), "{}", error.report());
    assert_eq!(fake.lines(), ["GET /cache/cache/"]);
    let error = fake.client().list("packs-v1/", |_| ()).await.unwrap_err();
    assert!(error.report().contains("took the bucket's URL for that of an object"), "{error}");
    let oss = Fake::answering(|_| refusal("403 Forbidden", "SecondLevelDomainForbidden"));
    let error = oss.client().get_small("key", 9).await.unwrap_err();
    assert!(error.report().ends_with("set S3_ADDRESSING=virtual"), "{}", error.report());
}

#[tokio::test]
async fn an_object_too_large_for_one_put_is_refused_before_anything_is_sent() {
    let fake = Fake::answering(|_| PUT_DONE.to_owned());
    let file = tempfile::NamedTempFile::new().unwrap();
    let size = (5 << 30) + 1;
    file.as_file().set_len(size).unwrap();
    let error = fake.client().put_file("key", file.path(), size).await.unwrap_err();
    assert!(matches!(error, S3Error::TooLarge { .. }), "{error:?}");
    assert!(error.report().contains("more than 5368709120 bytes") && error.report().contains("local disk"));
    assert!(fake.lines().is_empty());
}

#[tokio::test]
async fn a_large_file_is_one_streamed_put_of_known_length() {
    let fake = Fake::answering(|_| PUT_DONE.to_owned());
    let file = tempfile::NamedTempFile::new().unwrap();
    let size = 70 << 20;
    file.as_file().set_len(size).unwrap();
    fake.client().put_file("key", file.path(), size).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("content-length"), Some("73400320"));
    assert_eq!(asked[0].body.len() as u64, size);
}

/// Callers copy the futures in their frames where a build is not optimized: large ones overflowed the stack of a thread.
#[tokio::test]
async fn the_futures_of_requests_are_small() {
    let client = Fake::answering(|_| PUT_DONE.to_owned()).client();
    let sizes = [
        std::mem::size_of_val(&client.get_small("key", 1)),
        std::mem::size_of_val(&client.has("key")),
        std::mem::size_of_val(&client.put_bytes("key", body_of(1))),
        std::mem::size_of_val(&client.list("", |_| ())),
        std::mem::size_of_val(&client.delete(&[])),
    ];
    assert!(sizes.iter().all(|bytes| *bytes < 6000), "{sizes:?}");
}
