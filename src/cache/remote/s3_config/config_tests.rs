//! The variables as people and CI write them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::*;

const FULL: &[(&str, &str)] = &[
    ("S3_ENDPOINT", "127.0.0.1:9000"),
    ("S3_ACCESS_KEY_ID", "the-id"),
    ("S3_SECRET_ACCESS_KEY", "the-secret"),
    ("S3_SESSION_TOKEN", "the-token"),
    ("S3_BUCKET_NAME", "cache"),
];
const NAMES: [&str; 8] = [
    "S3_ENDPOINT",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
    "S3_SESSION_TOKEN",
    "S3_BUCKET_NAME",
    "S3_REGION",
    "S3_PREFIX",
    "S3_ADDRESSING",
];

fn read(changes: &[(&str, &str)], without: &[&str]) -> Result<Option<S3Config>, S3ConfigError> {
    from_env(|name| {
        if without.contains(&name) {
            return None;
        }
        let find = |table: &[(&str, &str)]| {
            let found = table.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        find(changes).or_else(|| find(FULL))
    })
}

fn with(changes: &[(&str, &str)]) -> S3Config {
    read(changes, &[]).unwrap().unwrap()
}

fn refused(changes: &[(&str, &str)]) -> String {
    read(changes, &[]).unwrap_err().to_string()
}

#[test]
fn a_full_environment_gives_a_config_with_defaults() {
    let config = with(&[]);
    assert_eq!(config.endpoint_url, "https://127.0.0.1:9000");
    assert_eq!(config.session_token.as_deref(), Some("the-token"));
    assert_eq!(config.region, "us-east-1");
    assert_eq!(config.prefix, "");
    assert_eq!(config.route, Route::default());
}

#[test]
fn no_endpoint_means_no_remote_whatever_else_is_set() {
    assert_eq!(read(&[], &["S3_ENDPOINT"]), Ok(None));
    for empty in ["", " \n"] {
        assert_eq!(read(&[("S3_ENDPOINT", empty), ("S3_ADDRESSING", "?")], &[]), Ok(None));
    }
}

#[test]
fn what_is_missing_and_what_is_empty_is_named() {
    let missing = ["S3_ACCESS_KEY_ID", "S3_BUCKET_NAME"];
    let text = read(&[], &missing).unwrap_err().to_string();
    assert!(text.contains("S3_ENDPOINT is set, but S3_ACCESS_KEY_ID and S3_BUCKET_NAME are not set"), "{text}");
    let text = refused(&[("S3_SECRET_ACCESS_KEY", "")]);
    assert!(text.contains("no remote: S3_SECRET_ACCESS_KEY is empty (") && text.contains("forks"), "{text}");
    let text = read(&[("S3_SECRET_ACCESS_KEY", " \n")], &["S3_ACCESS_KEY_ID"]).unwrap_err().to_string();
    assert!(text.contains("S3_ACCESS_KEY_ID is not set, S3_SECRET_ACCESS_KEY is empty"), "{text}");
    assert_eq!(read(&[], &["S3_SESSION_TOKEN"]).unwrap().unwrap().session_token, None);
    let empty = with(&[("S3_SESSION_TOKEN", ""), ("S3_REGION", " "), ("S3_PREFIX", ""), ("S3_ADDRESSING", "")]);
    assert_eq!((empty.session_token.as_deref(), empty.region.as_str()), (None, "us-east-1"));
}

#[test]
fn white_space_around_any_value_does_not_count() {
    let plain = [("S3_REGION", "eu-west-1"), ("S3_PREFIX", "ci"), ("S3_ADDRESSING", "path")];
    for name in NAMES {
        let value = FULL.iter().chain(&plain).find(|(key, _)| *key == name).unwrap().1;
        for around in [format!("{value}\n"), format!(" \t{value}\r\n"), format!("\u{feff}{value}\u{a0}")] {
            let changes = [&[(name, around.as_str())], &plain[..]].concat();
            assert_eq!(with(&changes), with(&plain), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_sent_is_named_and_not_shown() {
    for name in NAMES {
        for inside in ["hid\nden", "hid\u{0}den", "hid\u{7f}den", "hid\tden"] {
            let text = refused(&[(name, inside)]);
            assert!(text.contains(name) && text.contains("control character") && !text.contains("hid"), "{text}");
        }
        let bytes = |asked: &str| {
            if asked == name {
                return Some(OsString::from_vec(b"hid\xffden".to_vec()));
            }
            FULL.iter().find(|(key, _)| *key == asked).map(|(_, value)| value.into())
        };
        let text = from_env(bytes).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains("UTF-8") && !text.contains("hid"), "{text}");
    }
    for name in ["S3_ACCESS_KEY_ID", "S3_SESSION_TOKEN"] {
        assert!(refused(&[(name, "hidé")]).contains("not ASCII"));
    }
    assert!(refused(&[("S3_REGION", "eu west")]).contains("S3_REGION is no region"));
    assert!(refused(&[("S3_BUCKET_NAME", "cache/ci")]).contains("S3_PREFIX"));
    assert!(refused(&[("S3_BUCKET_NAME", "s3://cache")]).contains("slash"));
}

#[test]
fn endpoints_are_hosts_or_urls() {
    let url = |endpoint| read(&[("S3_ENDPOINT", endpoint)], &[]).map(|c| c.unwrap().endpoint_url);
    assert_eq!(url("s3.example.com").unwrap(), "https://s3.example.com");
    assert_eq!(url("http://[::1]:9000/").unwrap(), "http://[::1]:9000");
    assert_eq!(url("HTTPS://Host").unwrap(), "https://Host");
    assert_eq!(url("https://x.supabase.co/storage/v1/s3/").unwrap(), "https://x.supabase.co/storage/v1/s3");
    for wrong in [
        "ftp://host",
        "http://",
        "http://h?x=1",
        "http://h#x",
        "two words",
        "http://a/../b",
        "h:",
        "h:99999",
        "h:0",
        "bücher",
    ] {
        assert!(matches!(url(wrong), Err(S3ConfigError::Unusable { name: "S3_ENDPOINT", .. })), "{wrong}");
    }
    let text = url("https://me:hidden@host").unwrap_err().to_string();
    assert!(!text.contains("hidden"), "{text}");
    let report = url("ftp://host").unwrap_err().report();
    assert!(report.contains("\n  tried: ") && report.contains("\n  next:  "), "{report}");
}

#[test]
fn prefixes_get_the_form_that_all_stores_keep() {
    for (written, used) in
        [("/ci/", "ci/"), ("ci", "ci/"), ("ci/", "ci/"), ("//a///b", "a/b/"), ("/", ""), ("team a/x", "team a/x/")]
    {
        assert_eq!(with(&[("S3_PREFIX", written)]).prefix, used, "{written}");
        // What has the form already does not change.
        assert_eq!(normalize_prefix(used).unwrap(), used);
    }
    assert!(refused(&[("S3_PREFIX", "a/../b")]).contains("S3_PREFIX"));
    assert!(refused(&[("S3_PREFIX", &"a".repeat(900))]).contains("896 bytes"));
}

#[test]
fn the_bucket_is_in_the_path_or_in_front_of_the_host() {
    let url = |endpoint, bucket, addressing| {
        let changes = [("S3_ENDPOINT", endpoint), ("S3_BUCKET_NAME", bucket), ("S3_ADDRESSING", addressing)];
        read(&changes, &[]).map(|config| config.unwrap().bucket_url().unwrap())
    };
    let aws = "https://s3.eu-west-1.amazonaws.com";
    for (endpoint, bucket, addressing, expected) in [
        (aws, "cache", "", "https://cache.s3.eu-west-1.amazonaws.com"),
        (aws, "cache", "PATH", "https://s3.eu-west-1.amazonaws.com/cache"),
        (aws, "a.b", "auto", "https://s3.eu-west-1.amazonaws.com/a.b"),
        (aws, "a.b", "virtual", "https://a.b.s3.eu-west-1.amazonaws.com"),
        ("https://amazonaws.com.example", "cache", "auto", "https://amazonaws.com.example/cache"),
        ("http://minio:9000", "cache", "auto", "http://minio:9000/cache"),
        ("http://m-1.eu-west-1.elb.amazonaws.com", "cache", "", "http://m-1.eu-west-1.elb.amazonaws.com/cache"),
        ("http://minio:9000/base", "cache", "Virtual", "http://cache.minio:9000/base"),
        ("https://x.supabase.co/storage/v1/s3", "ü", "", "https://x.supabase.co/storage/v1/s3/%C3%BC"),
    ] {
        assert_eq!(url(endpoint, bucket, addressing).unwrap(), expected);
    }
    for (endpoint, bucket, addressing) in
        [("http://127.0.0.1:9", "cache", "virtual"), ("http://[::1]", "c", "virtual"), (aws, "ü", "virtual")]
    {
        assert!(url(endpoint, bucket, addressing).unwrap_err().to_string().contains("S3_ADDRESSING"));
    }
    assert!(url(aws, "cache", "dns").unwrap_err().to_string().contains("none of auto, path and virtual"));
}

#[test]
fn the_region_is_the_one_that_is_set_or_the_one_in_a_host_of_amazon() {
    let region = |endpoint, set| with(&[("S3_ENDPOINT", endpoint), ("S3_REGION", set)]).region;
    assert_eq!(region("s3.eu-west-1.amazonaws.com", ""), "eu-west-1");
    assert_eq!(region("s3.eu-west-1.amazonaws.com", "ap-south-1"), "ap-south-1");
    assert_eq!(region("s3.eu-west-1.example.com", ""), "us-east-1");
    assert_eq!(region("s3.amazonaws.com", ""), "us-east-1");
}

#[test]
fn an_endpoint_with_the_buckets_name_in_it_is_doubted() {
    for (endpoint, is_doubted) in [
        ("https://host/cache", true),
        ("https://host/base/cache/", true),
        ("https://cache.s3.amazonaws.com", true),
        ("https://host/cache/base", false),
        ("https://cache2.example", false),
        ("https://host", false),
    ] {
        assert_eq!(with(&[("S3_ENDPOINT", endpoint)]).endpoint_doubt().is_some(), is_doubted, "{endpoint}");
    }
}

/// How a request to `endpoint` goes with these variables: the proxy's URL, or directly.
fn proxy(endpoint: &str, variables: &[(&str, &str)]) -> Option<String> {
    let mut changes = vec![("S3_ENDPOINT", endpoint), ("S3_ADDRESSING", "path")];
    changes.extend_from_slice(variables);
    with(&changes).route.proxy.map(|proxy| proxy.url().to_string())
}

#[test]
fn proxies_are_those_that_go_takes() {
    const S: &str = "https://s3.test";
    const H: &str = "http://s3.test";
    type Case = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>);
    let cases: &[Case] = &[
        (S, &[], None),
        (S, &[("HTTPS_PROXY", "http://p:1")], Some("http://p:1/")),
        (S, &[("https_proxy", "p:1")], Some("http://p:1/")),
        (S, &[("HTTPS_PROXY", ""), ("https_proxy", "https://p:1")], Some("https://p:1/")),
        (S, &[("HTTP_PROXY", "http://p:1")], None),
        (H, &[("HTTP_PROXY", "http://p:1")], Some("http://p:1/")),
        (H, &[("HTTPS_PROXY", "http://p:1")], None),
        (H, &[("HTTP_PROXY", "http://p:1"), ("REQUEST_METHOD", "GET")], None),
        (S, &[("ALL_PROXY", "http://p:1")], Some("http://p:1/")),
        (H, &[("all_proxy", "http://p:1")], Some("http://p:1/")),
        (S, &[("ALL_PROXY", "http://a:1"), ("HTTPS_PROXY", "http://p:1")], Some("http://p:1/")),
        (S, &[("ALL_PROXY", "http://a:1"), ("NO_PROXY", "s3.test")], None),
        // Go does not read it: what cannot be used is passed over.
        (S, &[("ALL_PROXY", "socks5://a:1")], None),
        (H, &[("all_proxy", "socks://a:1")], None),
        (S, &[("ALL_PROXY", "http://")], None),
        (S, &[("ALL_PROXY", "http://a:1\nhttp://b:1")], None),
        (S, &[("ALL_PROXY", "socks5://a:1"), ("HTTPS_PROXY", "http://p:1")], Some("http://p:1/")),
        (H, &[("ALL_PROXY", "socks5://a:1"), ("HTTP_PROXY", "http://p:1")], Some("http://p:1/")),
    ];
    for (endpoint, variables, expected) in cases {
        assert_eq!(proxy(endpoint, variables).as_deref(), *expected, "{endpoint} {variables:?}");
    }
    // The host that is connected to counts: with the bucket in front of it here.
    let only_bucket =
        [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "cache.s3.eu-west-1.amazonaws.com"), ("S3_ADDRESSING", "")];
    let config = with(&[&[("S3_ENDPOINT", "https://s3.eu-west-1.amazonaws.com")], &only_bucket[..]].concat());
    assert_eq!(config.route.proxy, None);
    let socks = refused(&[("S3_ENDPOINT", S), ("HTTPS_PROXY", "socks5://p:1")]);
    assert!(socks.contains("HTTPS_PROXY names a SOCKS proxy, which is not supported"), "{socks}");
    for unusable in ["ftp://p:1", "http://", "http://two words", "http://p:70000", "http://me:pw@p:"] {
        assert!(refused(&[("S3_ENDPOINT", S), ("HTTPS_PROXY", unusable)]).contains("no remote: HTTPS_PROXY"));
    }
}

#[test]
fn what_no_proxy_lists_is_reached_directly() {
    let cases = [
        ("s3.test", "", false),
        ("localhost", "", true),
        ("127.0.0.1", "", true),
        ("127.8.9.10", "", true),
        ("[::1]", "", true),
        ("[::ffff:127.0.0.1]", "", true),
        ("localhost.test", "", false),
        ("s3.test", "*", true),
        ("s3.test", "other, S3.TEST ,", true),
        ("s3.test", "localhost,\n10.0.0.0/8\r\n  s3.test\n", true),
        ("s3.test", "other\tdomain", false),
        ("a.s3.test", "s3.test", true),
        ("s3.test", ".s3.test", false),
        ("a.s3.test", ".s3.test", true),
        ("a.s3.test", "*.s3.test", true),
        ("s3.test", "*.s3.test", false),
        ("as3.test", "s3.test", false),
        ("s3.test", "test", true),
        ("s3.test", "s3.test:443", true),
        ("s3.test", "s3.test:9000", false),
        ("s3.test:9000", "s3.test:9000", true),
        ("10.1.2.3", "10.0.0.0/8", true),
        ("11.1.2.3", "10.0.0.0/8", false),
        ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.3:443", true),
        ("10.1.2.3", "10.1.2.3:80", false),
        ("[fd00::1]", "fd00::/8", true),
        ("[fd00::1]:9", "[fd00::1]:9", true),
        ("[fd00::1]", "fd00::1", true),
        ("[fd00::1]", "[fd00::1]", false),
        ("s3.test", ":443", false),
        ("s3.test", "s3.test:", true),
        ("s3.test", ".", false),
    ];
    for (host, list, is_direct) in cases {
        let found = proxy(&format!("https://{host}"), &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", list)]);
        assert_eq!(found.is_none(), is_direct, "{host} with NO_PROXY={list}");
    }
}

#[test]
fn debug_shows_no_credential() {
    let proxy = ("HTTPS_PROXY", "http://me:the-password@p.test:1");
    let text = format!("{:?}", with(&[("S3_ENDPOINT", "https://s3.test"), proxy]));
    assert!(text.contains("cache") && text.contains("the proxy http://p.test:1 of HTTPS_PROXY"), "{text}");
    for secret in ["the-id", "the-secret", "the-token", "the-password", "me:"] {
        assert!(!text.contains(secret), "{text}");
    }
}
