//! Real builds over an S3 server on loopback: both strategies, the workshop's objects, and a remote that fails.

mod common;

use common::{S3, Workspace, stderr};
use gocacheprog::s3::Operation;
use std::collections::HashMap;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

fn build(workspace: &Workspace, arguments: &str) -> serde_json::Value {
    let output = workspace.run(arguments, &["build", "-o", "../m", "."]);
    assert_eq!(stderr(&output), "CacheProg used.\n");
    workspace.last_session()
}

#[test]
fn both_strategies_fill_the_remote_and_live_on_each_others_objects() {
    for (writer, reader) in [("workshop", "async"), ("async", "workshop")] {
        let s3 = S3::start();
        let mut workspace = Workspace::new();
        s3.use_in(&mut workspace);
        let cold = build(&workspace, &format!("--strategy {writer}"));
        assert_eq!((&cold["hits_not_put_here"], &cold["uploads_left"]), (&0.into(), &0.into()), "{cold}");
        assert_eq!(cold["uploads_done"], cold["puts"]);
        let keys: HashMap<String, u64> = s3
            .server
            .log_since(0)
            .into_iter()
            .filter(|r| r.op == Operation::Put)
            .map(|r| (r.key, r.bytes_in))
            .collect();
        assert!(keys.keys().all(|key| key.ends_with("=-d") || key.ends_with("=-a.json")), "{keys:?}");
        std::fs::remove_dir_all(workspace.store()).unwrap();
        let mark = s3.server.mark();
        let remote = build(&workspace, &format!("--strategy {reader}"));
        assert_eq!((&remote["misses"], &remote["puts"], &remote["hits_local"]), (&0.into(), &0.into(), &0.into()));
        let log = s3.server.log_since(mark);
        let sent: u64 = log.iter().filter(|r| r.status == Some(200)).map(|r| r.bytes_out).sum();
        assert_eq!(remote["bytes_down"], sent, "all that was handed out was fetched in this run");
        let mark = s3.server.mark();
        let local = build(&workspace, &format!("--strategy {reader}"));
        assert_eq!(local["hits_local"], local["gets"], "what came from the remote is kept locally");
        assert_eq!(s3.server.mark(), mark, "a local hit asks the remote nothing");
    }
}

#[test]
fn metadata_is_the_workshops() {
    let s3 = S3::start();
    let mut workspace = Workspace::new();
    s3.use_in(&mut workspace);
    build(&workspace, "");
    let config = s3.config();
    let client = gocacheprog::cache::s3_client::S3Client::connect(&config);
    let log = s3.server.log_since(0);
    let metadata: Vec<_> = log.iter().filter(|r| r.op == Operation::Put && r.key.ends_with("-a.json")).collect();
    assert!(!metadata.is_empty());
    for record in metadata {
        let json = s3.block_on(client.get_small(&record.key, 4096)).unwrap().unwrap();
        let object: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(object.as_object().unwrap().keys().collect::<Vec<_>>(), ["OutputID", "Size", "TimeNanos"]);
        let body = format!("{}-d", object["OutputID"].as_str().unwrap().replace('/', "-"));
        let body = s3.block_on(client.get_small(&body, 1 << 30)).unwrap().expect("no metadata without its body");
        assert_eq!(object["Size"], body.len());
    }
}

#[test]
fn damaged_objects_are_misses_and_heal() {
    let s3 = S3::start();
    let mut workspace = Workspace::new();
    s3.use_in(&mut workspace);
    build(&workspace, "");
    let client = gocacheprog::cache::s3_client::S3Client::connect(&s3.config());
    let keys: Vec<_> = s3.server.log_since(0).into_iter().filter(|r| r.op == Operation::Put).map(|r| r.key).collect();
    for (n, key) in keys.iter().enumerate() {
        match (n % 4, key.ends_with("-d")) {
            (0, true) => s3.block_on(client.put_bytes(key, "other".into())).unwrap(),
            (1, false) => s3.block_on(client.put_bytes(key, "{\"OutputID\":\"x\"}".into())).unwrap(),
            (2, _) => drop(s3.block_on(client.delete(std::slice::from_ref(key))).unwrap()),
            _ => {}
        }
    }
    std::fs::remove_dir_all(workspace.store()).unwrap();
    assert!(build(&workspace, "")["puts"].as_u64().unwrap() > 0);
    std::fs::remove_dir_all(workspace.store()).unwrap();
    assert_eq!(build(&workspace, "")["misses"], 0, "the next build finds all of it again");
}

#[test]
fn a_remote_that_stops_in_the_middle_of_a_build_does_not_fail_it() {
    for strategy in ["workshop", "async"] {
        let s3 = S3::start();
        let mut workspace = Workspace::new();
        s3.use_in(&mut workspace);
        let arguments = format!("--drain-deadline 5 --strategy {strategy}");
        let build = workspace.go(&arguments, &["run", "."]).stderr(Stdio::piped()).spawn().unwrap();
        while s3.server.mark() < 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        s3.stop();
        let output = build.wait_with_output().unwrap();
        let text = stderr(&output);
        assert!(output.status.success() && text.contains("42\n"), "{text}");
        assert!(text.contains("remote is off"), "{text}");
        assert_eq!(text.matches("cacheprog:").count(), 2, "one line on the remote, one on what is not out: {text}");
    }
}

#[test]
fn a_remote_that_cannot_be_used_is_named_in_one_line_and_the_build_goes_on() {
    let s3 = S3::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for (name, value, word) in [
        ("S3_BUCKET_NAME", "", "S3_BUCKET_NAME"),
        ("S3_BUCKET_NAME", "nowhere", "no bucket"),
        ("S3_SECRET_ACCESS_KEY", "wrong-secret", "denied access"),
        ("S3_ENDPOINT", &format!("http://{closed}"), "refused"),
        ("S3_ENDPOINT", &silent_url, "no answer"),
        ("S3_ENDPOINT", "http://a/b", "S3_ENDPOINT is not an endpoint"),
    ] {
        let mut workspace = Workspace::new();
        s3.use_in(&mut workspace);
        workspace.set(name, value);
        let output = workspace.run("--drain-deadline 3", &["run", "."]);
        let text = stderr(&output);
        assert!(text.contains("42\n") && text.contains(word), "{name}={value}: {text}");
        assert!(text.lines().filter(|line| line.starts_with("cacheprog:")).count() <= 2, "{text}");
        assert!(!text.contains("wrong-secret") && !text.contains(&s3.credentials.secret_access_key), "{text}");
    }
}
