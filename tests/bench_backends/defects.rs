//! The defects that flags of the Go backends switch on.

#[cfg(target_os = "linux")]
use std::ffi::OsStr;
use std::fs::read_to_string;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use gocacheprog::s3_server::{Fault, FaultKind, Operation};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Setup;
use crate::common::backend::{Backend, output_of, put_text};
use crate::common::backends::program;
use crate::common::{S3, stderr, wait_until};

/// `plain` with flags, and with a store of its own in `folder`.
fn command(folder: &Path, flags: &str) -> Command {
    let mut command = Command::new(program("plain"));
    command.args(flags.split_whitespace()).current_dir(folder).env("CACHE_DIR", folder.join("store"));
    ["S3_ENDPOINT", "S3_REGION", "S3_SESSION_TOKEN"].iter().for_each(|name| drop(command.env_remove(name)));
    command
}

/// What `plain` writes to stdout and stderr, and its exit code, for an input.
fn session(flags: &str, input: &str) -> (String, String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), flags);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has exited already takes no input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output), output.status.code())
}

const HANDSHAKE: &str = "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n";
const CLOSE: &str = "{\"ID\":7,\"Command\":\"close\"}\n\n";

#[test]
fn defects_of_the_protocol() {
    let after_handshake = |flags: &str, input: &str| {
        let (out, _, code) = session(flags, input);
        assert_eq!(code, Some(0), "{flags}: {out}");
        out.strip_prefix(HANDSHAKE).unwrap_or_else(|| panic!("{flags}: {out}")).to_owned()
    };
    assert_eq!(session("", CLOSE), (format!("{HANDSHAKE}{{\"ID\":7}}\n"), "CacheProg used.\n".to_owned(), Some(0)));
    assert_eq!(session("", ""), (HANDSHAKE.to_owned(), String::new(), Some(0)), "end of input is an end too");
    assert_eq!(session("-no-handshake", CLOSE), (String::new(), String::new(), Some(0)));
    let (out, said, code) = session("-exit-at-once", CLOSE);
    assert_eq!((out.as_str(), said.lines().count(), code), ("", 1, Some(3)));
    let (out, ..) = session("-garbage", CLOSE);
    assert!(!out.is_empty() && serde_json::from_str::<serde_json::Value>(&out).is_err(), "{out}");
    assert_eq!(after_handshake("-slow-handshake 10ms", CLOSE), "{\"ID\":7}\n");
    assert_eq!(after_handshake("-no-close-answer", CLOSE), "");
    assert_eq!(after_handshake("-stdout-open 10ms", CLOSE), "{\"ID\":7}\n");
    let logged = after_handshake("-log-on-stdout", CLOSE);
    assert!(logged.contains(" INFO ") && logged.ends_with("\n{\"ID\":7}\n"), "{logged}");
    assert_eq!(after_handshake("-unknown-id", CLOSE), "{\"ID\":1099511627776,\"Miss\":true}\n{\"ID\":7}\n");
    let put = put_text(1, 1, b"body", &output_of(b"body"));
    let failed = after_handshake("-err-on-put", &put);
    assert!(failed.contains("\"Err\":") && !failed.contains("DiskPath"), "{failed}");
    let relative = after_handshake("-relative-diskpath", &put);
    assert!(relative.contains("\"DiskPath\":\"store/"), "{relative}");
}

#[test]
fn a_second_put_of_an_action_wins_unless_it_is_ignored() {
    for (flags, kept) in [("", "second"), ("-ignore-reput", "first")] {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = Backend::start_command(command(folder.path(), flags));
        for (id, body) in [(1, "first"), (2, "second")] {
            let answer = backend.put(id, 1, body.as_bytes());
            assert_eq!(read_to_string(answer["DiskPath"].as_str().unwrap()).unwrap(), body);
        }
        let hit = backend.get(3, 1);
        assert_eq!(read_to_string(hit["DiskPath"].as_str().unwrap()).unwrap(), kept, "{flags}");
        assert_eq!(
            (hit["OutputID"].as_str(), hit["Size"].as_u64()),
            (Some(&*output_of(kept.as_bytes())), Some(kept.len() as u64))
        );
    }
}

/// Puts three outputs, ends, forgets the store, and gets the first of them; returns that answer.
fn there_and_back(s3: &S3, flags: &str) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let start = |flags: &str| {
        let mut command = command(folder.path(), flags);
        command.envs(s3.variables());
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
        let answer = there_and_back(&s3, flags);
        assert_eq!((&answer["Size"], &answer["content"]), (&1000.into(), &true.into()), "{flags}: {answer}");
        let count = |op| s3.server.log_since(0).iter().filter(|record| record.op == op).count();
        assert_eq!((count(Operation::Put), count(Operation::Get)), (puts, gets), "{flags}");
    }
    let s3 = S3::start();
    s3.server.set_faults(vec![Fault { kind: FaultKind::Corrupt, share: 1.0 }], 1);
    assert_eq!(there_and_back(&s3, "")["Miss"], true, "an output with another SHA-256 is a miss");
    let taken = there_and_back(&s3, "-no-check");
    assert_eq!((taken["Size"].as_u64(), taken["content"].as_bool()), (Some(1000), Some(false)), "{taken}");
}

#[test]
fn connections_are_kept_or_not() {
    for (flags, are_kept) in [("", true), ("-new-connections", false)] {
        let mut setup = Setup::new("plain");
        setup.program = format!("{} {flags}", setup.program);
        let requests = setup.build().len() as u64;
        let opened = setup.s3.server.stats("").connections_opened;
        eprintln!("{flags}: {opened} connections for {requests} requests");
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

/// The processes whose CACHE_DIR is `store`, by name.
#[cfg(target_os = "linux")]
fn alive(store: &Path) -> Vec<(i32, String)> {
    let processes = procfs::process::all_processes().unwrap().flatten();
    let uses_store = |process: &procfs::process::Process| {
        let environment = process.environ().unwrap_or_default();
        environment.get(OsStr::new("CACHE_DIR")).is_some_and(|folder| folder == store.as_os_str())
    };
    let named = |process: procfs::process::Process| Some((process.pid, process.stat().ok()?.comm));
    processes.filter(uses_store).filter_map(named).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn processes_are_left_behind() {
    let setup = Setup::new("plain");
    for (flags, name) in [("-leave-child 60s", "sleep"), ("-hang-at-end", "plain")] {
        let mut go = setup.go(&["build", "./..."]);
        let program = format!("{} {flags}", setup.program);
        go.env("GOCACHEPROG", program).stderr(Stdio::null());
        assert!(go.status().unwrap().success(), "{flags}");
        let left = || alive(&setup.workspace.store());
        wait_until("only one process is left", || left().len() <= 1);
        let (pid, found) = left().pop().unwrap_or_else(|| panic!("{flags} left none"));
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        assert_eq!(found, name, "{flags}");
        wait_until("it has ended", || left().is_empty());
    }
}
