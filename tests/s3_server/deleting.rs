//! Deletions on stores that take no batches, or not all of one.

use std::sync::atomic::{AtomicUsize, Ordering};

use gocacheprog::cache::remote::s3_client::error::S3Error;

use super::clean::{s3_clean, stderr};
use super::fake::{Fake, answer, page, refusal};

const GONE: &str = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("key{number}")).collect()
}

#[tokio::test]
async fn a_batch_that_is_refused_in_any_way_is_deleted_singly() {
    let refusals = [
        refusal("400 Bad Request", "InvalidArgument"),
        refusal("400 Bad Request", "MissingContentMD5"),
        refusal("400 Bad Request", "MalformedXML"),
        refusal("400 Bad Request", "InvalidRequest"),
        refusal("403 Forbidden", "AccessDenied"),
        refusal("404 Not Found", "NoSuchKey"),
        refusal("501 Not Implemented", "NotImplemented"),
        answer("403 Forbidden", ""),
        answer("404 Not Found", ""),
        answer("405 Method Not Allowed", ""),
        answer("411 Length Required", ""),
        answer("500 Internal Server Error", "<html>no</html>"),
        answer("200 OK", "<html>no</html>"),
    ];
    for refused in refusals {
        let text = refused.clone();
        let fake = Fake::answering(move |asked| if asked.is("POST") { refused.clone() } else { GONE.to_owned() });
        let client = fake.client();
        assert_eq!(client.delete(&names(2)).await.unwrap(), 2, "{text}");
        // The store is not asked for a batch again.
        assert_eq!(client.delete(&names(1)).await.unwrap(), 1, "{text}");
        let mut lines = fake.lines();
        lines.sort();
        assert_eq!(lines, ["DELETE /cache/key0", "DELETE /cache/key0", "DELETE /cache/key1", "POST /cache/"], "{text}");
    }
}

#[tokio::test]
async fn keys_that_fail_in_a_batch_are_tried_singly_and_counted() {
    let fake = Fake::answering(|asked| match asked.line().as_str() {
        "POST /cache/" => {
            let error = |key| format!("<Error><Key>{key}</Key><Code>InternalError</Code></Error>");
            answer("200 OK", &format!("<DeleteResult>{}{}</DeleteResult>", error("key1"), error("key2")))
        }
        "DELETE /cache/key2" => refusal("403 Forbidden", "AccessDenied"),
        _ => GONE.to_owned(),
    });
    let client = fake.client();
    let deleted = client.delete_most(&names(4)).await;
    assert_eq!(deleted.objects, 3);
    assert!(matches!(deleted.failure, Some(S3Error::AccessDenied { .. })), "{deleted:?}");
    assert_eq!(fake.lines().len(), 3, "{:?}", fake.lines());
    assert!(client.delete(&names(4)).await.is_err());
}

#[tokio::test]
async fn deletions_that_a_store_refuses_in_passing_are_tried_again() {
    for refused in ["429 Too Many Requests", "500 Internal Server Error", "503 Slow Down"] {
        for is_batch in [true, false] {
            let done = if is_batch { answer("200 OK", "<DeleteResult></DeleteResult>") } else { GONE.to_owned() };
            let asked_before = AtomicUsize::new(0);
            let fake = Fake::answering(move |asked| {
                if asked.is("POST") && !is_batch {
                    return refusal("501 Not Implemented", "NotImplemented");
                }
                if asked_before.fetch_add(1, Ordering::SeqCst) < 2 { answer(refused, "") } else { done.clone() }
            });
            let deleted = fake.client().delete_most(&names(1)).await;
            assert_eq!((deleted.objects, deleted.failure), (1, None), "{refused}");
            // What a build waits for is not tried again here.
            let hopeless = Fake::answering(move |_| refusal(refused, "SlowDown"));
            hopeless.client().delete(&names(1)).await.unwrap_err();
            assert!(hopeless.lines().len() <= 2, "{refused}: {:?}", hopeless.lines());
        }
    }
}

#[tokio::test]
async fn a_key_that_may_not_delete_is_not_tried_a_thousand_times() {
    let fake = Fake::answering(|_| refusal("403 Forbidden", "AccessDenied"));
    let deleted = fake.client().delete_most(&names(2500)).await;
    assert_eq!(deleted.objects, 0);
    assert!(fake.lines().len() < 30, "{}", fake.lines().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_clean_that_deletes_nothing_or_a_part_fails_and_says_so() {
    for (may_delete, said) in [(false, "deleted 0 of 4: "), (true, "deleted 3 of 4: ")] {
        let fake = Fake::answering(move |asked| {
            if asked.is("GET") {
                return page(&["ci/a", "ci/b", "ci/c", "ci/d"], "<IsTruncated>false</IsTruncated>");
            }
            if may_delete && !asked.is("POST") && !asked.line().ends_with("/a") {
                return GONE.to_owned();
            }
            refusal("403 Forbidden", "AccessDenied")
        });
        let output = s3_clean(&fake.config(), &["--yes", "--prefix", "/ci"], &[]).await;
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        for part in [said, "denied access: AccessDenied", "\n  tried: DELETE \"ci/", "\n  next:  "] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_clean_does_not_take_an_incomplete_listing_for_all() {
    let fake = Fake::answering(|asked| {
        if asked.is("GET") { page(&["ci/a"], "<IsTruncated>true</IsTruncated>") } else { GONE.to_owned() }
    });
    let output = s3_clean(&fake.config(), &["--yes", "--prefix", "ci"], &[]).await;
    let text = stderr(&output);
    assert!(!output.status.success() && text.contains("the listing is incomplete"), "{text}");
    assert!(text.contains("\n  tried: LIST") && text.contains("\n  next:  "), "{text}");
}
