//! The backend as a process: what it answers, and what it does with input that no go would send.

mod common;
#[path = "backend_protocol/settings.rs"]
mod settings;

use common::backend::{Backend, output_of, put_text};
use gocacheprog::telemetry::read_request_log;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

/// Files of the store that are not the index, hidden, or the folder for temporary ones.
fn bodies(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder.join(".cache")).into_iter().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with("-d"));
    names.extend(std::fs::read_dir(folder.join(".cache/tmp")).into_iter().flatten().map(|_| "left over".to_owned()));
    names
}

#[test]
fn a_session_of_puts_and_gets() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &[]);
    assert_eq!(backend.get(1, 1)["Miss"], true);
    let body = vec![7; 3_000_000];
    let stored = backend.put(2, 1, &body);
    let path = Path::new(stored["DiskPath"].as_str().unwrap());
    assert!(path.is_absolute() && path.extension().is_none(), "{path:?}");
    let name = output_of(&body).replace('/', "-") + "-d";
    assert_eq!(path, std::fs::canonicalize(folder.path()).unwrap().join(".cache").join(&name));
    assert!(std::fs::read(path).unwrap() == body);
    let hit = backend.get(3, 1);
    assert_eq!((&hit["DiskPath"], &hit["Time"]), (&stored["DiskPath"], &stored["Time"]));
    assert_eq!(hit["Size"], body.len());
    backend.put(4, 1, b"other");
    assert_eq!(backend.get(5, 1)["OutputID"], output_of(b"other"), "the last put of an action wins");
    let empty: Vec<_> = (0..3).map(|n| backend.put(6 + n, 10 + n as u8, b"")["DiskPath"].clone()).collect();
    assert!(empty.iter().all(|path| path == &empty[0]), "the empty body is stored once");
    backend.send("{\"ID\":9,\"Command\":\"close\"}\n\n");
    assert_eq!(backend.answer(), serde_json::json!({ "ID": 9 }));
    let (code, out, err) = backend.end();
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", "CacheProg used.\n"));
    assert_eq!(bodies(folder.path()).len(), 3);
}

#[test]
fn the_next_session_has_what_the_last_one_put_and_two_may_run_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Backend::start(folder.path(), &["--quiet"]);
    let mut second = Backend::start(folder.path(), &["--quiet"]);
    assert_eq!(second.get(1, 1)["Miss"], true);
    first.put(1, 1, b"one");
    assert_eq!(second.get(2, 1)["Size"], 3);
    second.put(3, 2, b"two");
    assert_eq!(first.get(2, 2)["Size"], 3);
    assert_eq!(first.end(), (Some(0), String::new(), String::new()), "the end of input is no failure");
    second.end();
    let mut third = Backend::start(folder.path(), &[]);
    assert_eq!((&third.get(1, 1)["Size"], &third.get(2, 2)["Size"]), (&3.into(), &3.into()));
    third.end();
    assert_eq!(common::sessions(&folder.path().join("metrics")).len(), 3);
}

#[test]
fn variables_switch_as_flags_do() {
    let folder = tempfile::tempdir().unwrap();
    for (value, lines) in [("1", ""), ("true", ""), ("", "CacheProg used.\n"), ("0", "CacheProg used.\n")] {
        let output = common::cacheprog()
            .current_dir(folder.path())
            .env("CACHEPROG_QUIET", value)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(
            (output.status.code(), common::stderr(&output).as_str()),
            (Some(0), lines),
            "CACHEPROG_QUIET={value}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_stderr_that_is_full_does_not_end_the_session() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("metrics"), "a file where a folder should be").unwrap();
    let output = common::cacheprog()
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(std::fs::File::create("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_is_no_utf_8_is_answered_from_elsewhere() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let latin1 = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&latin1).unwrap();
    // The temporary folder has another name: instead of one that is not UTF-8, the backend would write to the real /tmp.
    let tmp = folder.path().to_str().unwrap();
    let mut backend = Backend::start_with(&latin1, &[], vec![("TMPDIR", tmp.to_owned())]);
    let stored = backend.put(1, 1, b"body");
    let path = stored["DiskPath"].as_str().unwrap();
    assert!(path.starts_with(tmp), "{path}");
    assert_eq!(std::fs::read(path).unwrap(), b"body");
    assert_eq!(backend.get(2, 1)["Size"], 4);
    backend.end();
}

#[test]
fn a_body_that_is_not_its_output_is_refused_and_the_session_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &[]);
    backend.send(&put_text(1, 1, b"body", &output_of(b"another")));
    assert!(backend.answer()["Err"].as_str().unwrap().contains("not"));
    assert_eq!(backend.get(2, 1)["Miss"], true);
    backend.send("{\"ID\":3,\"Command\":\"frobnicate\",\"BodySize\":3}\n\n\"QUJD\"\n");
    assert!(backend.answer()["Err"].as_str().unwrap().contains("frobnicate"));
    assert_eq!(backend.put(4, 1, b"body")["ID"], 4);
    backend.end();
    assert_eq!(bodies(folder.path()).len(), 1);
}

#[test]
fn input_that_is_not_of_the_protocol_ends_the_session_with_an_error_and_no_torn_file() {
    let body = put_text(1, 1, &[1; 1000], &output_of(&[1; 1000]));
    let (head, text) = body.split_once("\n\n").unwrap();
    let wrong_base64 = format!("{head}\n\n{}", text.replace("AQEB", "A*EB"));
    let cut = &body[..body.len() / 2];
    let ten_megabytes = "{".repeat(10 << 20);
    for (input, word) in [
        ("garbage\n", "not of the GOCACHEPROG protocol"),
        ("{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"AAAA\"}\n", "ActionID is not 32 bytes"),
        (cut, "ended inside a request"),
        (&wrong_base64, "not base64"),
        (&ten_megabytes, "longer than"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = Backend::start(folder.path(), &[]);
        // The backend stops reading at the first error: the rest of a long input finds nobody.
        let _ = backend.stdin.as_mut().unwrap().write_all(input.as_bytes());
        let (code, out, err) = backend.end();
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.contains(word) && !err.contains("panic"), "{word}: {err}");
        assert_eq!(bodies(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn a_signal_does_not_end_a_session_that_go_still_uses() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &[]);
    backend.put(1, 1, b"body");
    let process = nix::unistd::Pid::from_raw(backend.child.id() as i32);
    for signal in [nix::sys::signal::SIGINT, nix::sys::signal::SIGTERM] {
        nix::sys::signal::kill(process, signal).unwrap();
    }
    assert_eq!(backend.get(2, 1)["Size"], 4);
    assert_eq!(backend.end().0, Some(0));
}

#[test]
fn records_have_switches() {
    let folder = tempfile::tempdir().unwrap();
    Backend::start(folder.path(), &["--no-records"]).end();
    assert!(!folder.path().join("metrics").exists());
    Backend::start(folder.path(), &["--no-trace"]).end();
    assert!(folder.path().join("metrics/request.txt").exists() && !folder.path().join("metrics/trace.json").exists());
    Backend::start(folder.path(), &["--no-request-log", "--metrics", "other"]).end();
    assert!(folder.path().join("other/trace.json").exists() && !folder.path().join("other/request.txt").exists());
}

#[test]
fn a_store_or_a_folder_for_records_that_cannot_be_written_does_not_stop_the_session() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".cache", "metrics"] {
        std::fs::write(folder.path().join(name), "a file where a folder should be").unwrap();
    }
    let mut backend = Backend::start(folder.path(), &[]);
    let stored = backend.put(1, 1, b"body");
    let path = stored["DiskPath"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read(&path).unwrap(), b"body");
    assert_eq!(backend.get(2, 1)["DiskPath"], stored["DiskPath"]);
    let (code, _, err) = backend.end();
    assert_eq!(code, Some(0));
    assert!(err.contains("cannot write to") && err.contains("no records"), "{err}");
    assert!(Path::new(&path).starts_with(folder.path()), "{path}");
}

#[test]
fn the_records_of_a_session_agree() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &[]);
    backend.get(1, 1);
    backend.put(2, 1, &[5; 100_000]);
    backend.get(3, 1);
    backend.end();
    let log = std::fs::read_to_string(folder.path().join("metrics/request.txt")).unwrap();
    let lines: Vec<_> = log.lines().skip(1).collect();
    assert!(lines.is_sorted(), "{log}");
    let what: Vec<_> = lines.iter().map(|line| line[17..].split(" action").next().unwrap()).collect();
    assert_eq!(what[..4], ["-> 1 get", what[1], "-> 2 put", what[3]]);
    assert!(what[1].starts_with("<- 1 get miss took_ns=") && what[3].starts_with("<- 2 put stored output="), "{log}");
    let trace = std::fs::read(folder.path().join("metrics/trace.json")).unwrap();
    let trace: Vec<Value> = serde_json::from_slice(&trace).unwrap();
    let requests: Vec<_> = trace.iter().filter(|event| event["name"] == "request").collect();
    assert_eq!(
        requests.iter().map(|r| r["args"]["outcome"].as_str().unwrap()).collect::<Vec<_>>(),
        ["miss", "stored", "hit local"]
    );
    let read = read_request_log(&log).unwrap();
    let answers = read.lines.iter().filter_map(|(_, line)| line.answer());
    for (request, answer) in requests.iter().zip(answers) {
        let took_ns = answer.times.took_ns() as f64;
        assert!((request["dur"].as_f64().unwrap() * 1000.0 - took_ns).abs() < 1.0, "{request} {answer:?}");
    }
    let hlog = std::fs::read_to_string(folder.path().join("metrics/latency.hlog")).unwrap();
    let tags: Vec<_> = hlog.lines().filter_map(|line| line.strip_prefix("Tag=")?.split(',').next()).collect();
    assert!(["get", "get/local/to-1MiB", "get/miss", "put", "body"].iter().all(|tag| tags.contains(tag)), "{tags:?}");
    assert!(trace.iter().any(|event| event["name"] == "body"));
    let session = common::read_session(&common::sessions(&folder.path().join("metrics"))[0]);
    assert_eq!((&session["gets"], &session["puts"], &session["get_ns"]["count"]), (&2.into(), &1.into(), &2.into()));
}

#[test]
fn verify_names_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &[]);
    let path = backend.put(1, 1, b"body")["DiskPath"].as_str().unwrap().to_owned();
    backend.end();
    let verify = || common::cacheprog().arg("verify").current_dir(folder.path()).output().unwrap();
    let good = verify();
    assert!(good.status.success() && String::from_utf8_lossy(&good.stdout).contains("1 good body"));
    std::fs::write(&path, "bodY").unwrap();
    let damaged = verify();
    assert!(!damaged.status.success());
    assert!(String::from_utf8_lossy(&damaged.stdout).contains("damaged  .cache/"), "{damaged:?}");
}
