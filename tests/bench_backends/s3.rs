//! The requests of the Go backends to S3, and the defects in them that flags switch on.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use gocacheprog::s3_server::{Fault, FaultKind, Operation};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::backend::Backend;
use crate::common::{S3, stderr};
use crate::defects::command;
use crate::{Setup, log_since};

/// Puts three outputs, ends, forgets the store, and gets the first of them; returns that answer.
fn there_and_back(variables: &[(&str, String)], flags: &str) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let start = |flags: &str| {
        let mut command = command(folder.path(), flags);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Backend::start_command(command)
    };
    let mut backend = start(flags);
    for action in 1..=3 {
        backend.put(action, action as u8, &[action as u8; 1000]);
    }
    backend.close(4);
    assert_eq!(backend.end().0, Some(0));
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    let mut backend = start(flags);
    let mut answer = backend.get(1, 1);
    if let Some(path) = answer["DiskPath"].as_str() {
        answer["content"] = (std::fs::read(path).unwrap() == [1; 1000]).into();
    }
    backend.close(2);
    backend.end();
    answer
}

#[test]
fn defects_towards_s3() {
    for (flags, puts, gets) in [("", 3, 1), ("-drop-last-upload", 2, 1), ("-twice", 6, 2)] {
        let s3 = S3::start();
        let answer = there_and_back(&s3.variables(), flags);
        assert_eq!((&answer["Size"], &answer["content"]), (&1000.into(), &true.into()), "{flags}: {answer}");
        let log = log_since(&s3, 0);
        let count = |op| log.iter().filter(|record| record.op == op).count();
        assert_eq!((count(Operation::Put), count(Operation::Get)), (puts, gets), "{flags}");
    }
    let s3 = S3::start();
    s3.server.set_faults(vec![Fault { kind: FaultKind::Corrupt, share: 1.0 }], 1);
    assert_eq!(there_and_back(&s3.variables(), "")["Miss"], true, "an output with another SHA-256 is a miss");
    let taken = there_and_back(&s3.variables(), "-no-check");
    assert_eq!((taken["Size"].as_u64(), taken["content"].as_bool()), (Some(1000), Some(false)), "{taken}");
}

#[test]
fn connections_are_kept_or_not() {
    for (flags, are_kept) in [("", true), ("-new-connections", false)] {
        let mut setup = Setup::new("plain");
        setup.program = format!("{} {flags}", setup.program);
        let requests = setup.build().len() as u64;
        let opened = setup.s3.server.stats("").connections_opened;
        assert!(if are_kept { opened < requests / 2 } else { opened == requests }, "{flags}: {opened} of {requests}");
    }
}

#[test]
fn a_missing_variable_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), "");
    command.env("S3_ENDPOINT", "http://127.0.0.1:9").env_remove("S3_BUCKET_NAME");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "cacheprog: S3_ENDPOINT is set, but S3_BUCKET_NAME is not\n");
}

#[test]
fn a_bare_host_means_https_and_a_session_token_is_signed() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    bench.args(["s3", "--tls", "--port", "0", "--rtt-ms", "0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = bench.spawn().unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let exports: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.contains("CACHEPROG_")).collect();
    let variables: Vec<(&str, String)> = exports
        .iter()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name, value.trim_matches('\'').to_owned()))
        .collect();
    let answer = there_and_back(&variables, "");
    kill(Pid::from_raw(server.id() as i32), Signal::SIGTERM).unwrap();
    server.wait().unwrap();
    let named = |name: &str| variables.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value);
    assert!(named("S3_ENDPOINT").starts_with("127.0.0.1:") && !named("S3_SESSION_TOKEN").is_empty(), "{exports:?}");
    assert!(!named("SSL_CERT_FILE").is_empty(), "{exports:?}");
    assert_eq!((&answer["Size"], &answer["content"]), (&1000.into(), &true.into()), "{answer}");
}
