//! Settings and networks as a session of the backend meets them: none of them fails it, and each is said in one line.

use gocacheprog::s3_server::{Credentials, Operation, Server, ServerOptions};

use super::common::backend::Backend;
use super::fake::{Fake, answer, refusal};

/// One session over an empty local store that asks for action 1 and stores it where that is missing. Returns the found size
/// and what was said on stderr beside the greeting.
fn session(variables: &[(&str, String)]) -> (Option<u64>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let none = ["NO_PROXY", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, String::new()));
    let all = none.into_iter().chain(variables.iter().cloned()).collect();
    let arguments = ["--cache-dir", "store", "--metrics", "metrics", "--strategy", "async"];
    let mut backend = Backend::start_with(folder.path(), &arguments, all);
    let found = backend.get(1, 1);
    if found["Miss"] == true {
        let put = backend.put(2, 1, b"body");
        assert!(put["Err"].is_null() && put["DiskPath"].is_string(), "{put}");
    }
    backend.close(3);
    let (code, out, err) = backend.end();
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    let said = err.lines().filter(|line| *line != "CacheProg used.").map(str::to_owned).collect();
    (found["Size"].as_u64(), said)
}

fn variables(endpoint: &str, credentials: &Credentials) -> Vec<(&'static str, String)> {
    vec![
        ("S3_ENDPOINT", endpoint.to_owned()),
        ("S3_ACCESS_KEY_ID", credentials.access_key_id.clone()),
        ("S3_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
        ("S3_BUCKET_NAME", "cache".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_turn_the_remote_off_with_one_line() {
    let fake = Fake::answering(|_| answer("500 No", ""));
    let credentials = Credentials::random().unwrap();
    for (name, value, said) in [
        (
            "S3_ACCESS_KEY_ID",
            "",
            "there is no remote: S3_ACCESS_KEY_ID is empty (in CI, pull requests from forks get no secrets",
        ),
        ("S3_SECRET_ACCESS_KEY", "\n", "S3_SECRET_ACCESS_KEY is empty"),
        ("S3_BUCKET_NAME", "", "S3_BUCKET_NAME is empty"),
        ("S3_ACCESS_KEY_ID", "hid\nden", "S3_ACCESS_KEY_ID contains a line break"),
        ("S3_SESSION_TOKEN", "hid\u{1}den", "S3_SESSION_TOKEN contains a line break"),
        ("S3_PREFIX", "a/../b", "S3_PREFIX contains a folder"),
        ("S3_ADDRESSING", "dns", "S3_ADDRESSING is none of"),
        ("S3_ADDRESSING", "virtual", "S3_ADDRESSING is virtual, but the endpoint is an IP address"),
        ("S3_ENDPOINT", "ftp://x", "S3_ENDPOINT has a scheme that is neither"),
    ] {
        let mut all = variables(&fake.endpoint(), &credentials);
        all.push((name, value.to_owned()));
        let (found, lines) = session(&all);
        assert_eq!(found, None);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(said) && lines[0].ends_with("; this build works from local disk"), "{lines:?}");
        assert!(!lines[0].contains("hid") && !lines[0].contains(&credentials.secret_access_key), "{lines:?}");
    }
    assert!(fake.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_with_white_space_in_its_settings_or_behind_a_proxy_is_a_remote() {
    let credentials = Credentials::random().unwrap();
    let server = Server::start(ServerOptions::plain("cache", credentials.clone())).await.unwrap();
    let plain = variables(&server.endpoint(), &credentials);
    let mut spaced = plain.clone();
    spaced.iter_mut().for_each(|(_, value)| value.push('\n'));
    spaced.push(("S3_PREFIX", "/ci//x \r\n".to_owned()));
    let mut prefixed = plain.clone();
    prefixed.push(("S3_PREFIX", "ci/x".to_owned()));
    assert_eq!(session(&spaced), (None, Vec::new()));
    for variables in [spaced, prefixed] {
        assert_eq!(session(&variables), (Some(4), Vec::new()));
    }
    let stored = server.log_since(0).into_iter().filter(|request| request.op == Operation::Put);
    let keys: Vec<String> = stored.map(|request| request.key).collect();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.starts_with("ci/x/")), "{keys:?}");

    let upstream = server.endpoint().trim_start_matches("http://").parse().unwrap();
    let proxy = Fake::proxy(upstream, None);
    let mut proxied = variables("http://s3.test.invalid", &credentials);
    proxied.push(("HTTP_PROXY", proxy.endpoint()));
    assert_eq!(session(&proxied), (None, Vec::new()));
    assert_eq!(session(&proxied), (Some(4), Vec::new()));
    assert!(proxy.lines().iter().all(|line| line.contains(" http://s3.test.invalid/cache/")), "{:?}", proxy.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_of_the_bucket_is_said_once_and_used_for_gets_and_puts() {
    let fake = Fake::answering(|asked| {
        if !asked.header("authorization").unwrap().contains("/eu-west-1/s3/") {
            let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
            return answer("400 Bad Request", body);
        }
        if asked.is("PUT") { answer("200 OK", "") } else { refusal("404 Not Found", "NoSuchKey") }
    });
    let (_, lines) = session(&variables(&fake.endpoint(), &Credentials::random().unwrap()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("is in eu-west-1: set S3_REGION=eu-west-1"), "{lines:?}");
    assert_eq!(fake.asked().iter().filter(|asked| asked.is("PUT")).count(), 2, "{:?}", fake.lines());
}
