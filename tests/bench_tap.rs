//! The tap between a real go and our own backend: both see what they see without it, and the records agree.

mod common;
#[path = "bench_tap/programs.rs"]
mod programs;

use std::path::{Path, PathBuf};

use common::{CACHEPROG, LIST, Workspace, compiled, read_session, sessions, stderr};
use gocacheprog::telemetry::{Line, LoggedSession, check_agreement, read_request_log};
use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

/// Runs go with our backend behind the tap, whose records go to `tap`. Gives what the compiler wrote.
fn build_through_tap(workspace: &Workspace, tap: &Path) -> (Vec<u8>, String) {
    let (store, own) = (workspace.store(), workspace.path().join("metrics"));
    let backend = format!("{CACHEPROG} --capture --cache-dir {} --metrics {}", store.display(), own.display());
    let mut go = workspace.go("", &LIST);
    go.env("GOCACHEPROG", format!("{BENCH} tap --session {} -- {backend}", tap.display()));
    compiled(&go.output().unwrap())
}

fn log(folder: &Path) -> LoggedSession {
    read_request_log(&std::fs::read_to_string(folder.join("request.txt")).unwrap()).unwrap()
}

/// Number, kind, action and bytes of each answer, by number.
fn answers(folder: &Path) -> Vec<(i64, &'static str, String, Option<u64>)> {
    let log = log(folder);
    let answers = log.lines.iter().filter_map(|(_, line)| line.answer());
    let mut answers: Vec<_> =
        answers.map(|answer| (answer.id, answer.kind.name(), format!("{:?}", answer.action), answer.bytes)).collect();
    answers.sort();
    answers
}

/// The records of the tap say the same as those of the backend behind it.
fn assert_same(tap: &Path, own: &Path) {
    let (seen, said) = (read_session(tap), read_session(own));
    for name in ["gets", "puts", "misses", "put_bytes", "errors", "hits_not_put_here"] {
        assert_eq!(seen[name], said[name], "{name}: {seen} {said}");
    }
    let hits = |session: &Value, names: &[&str]| names.iter().map(|name| session[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(hits(&seen, &["hits_unknown"]), hits(&said, &["hits_local", "hits_remote"]));
    let bytes = |name: &str| std::fs::metadata(own.join(name)).unwrap().len();
    assert_eq!(seen["seen"]["bytes_to_go"], bytes("stdout.txt"));
    assert_eq!(seen["seen"]["bytes_from_go"], bytes("stdin.txt"));
    assert_eq!(answers(tap), answers(own));
    let agreement = check_agreement(tap);
    assert_eq!((agreement.disagreements, agreement.files.len()), (Vec::<String>::new(), 5));
    assert_eq!((&seen["closed_by"], &seen["error"]), (&said["closed_by"], &Value::Null));
    assert!(seen["strategy"].is_null(), "{seen}");
    let seen = &seen["seen"];
    assert_eq!((&seen["unanswered"], &seen["stray_lines"], &seen["unknown_ids"]), (&0.into(), &0.into(), &0.into()));
    assert_eq!((&seen["exit"]["code"], &seen["pid"]), (&0.into(), &said["pid"]));
    assert!(seen["left_running"].as_array().unwrap().is_empty());
    // go list sends no close, and may be gone before the program ends its output.
    assert_moments(seen, &["handshake_ns", "stdin_end_ns", "exit_ns"]);
}

/// All of them are there, in this order.
fn assert_moments(seen: &Value, names: &[&str]) {
    let moments = names.iter().map(|name| seen[name].as_u64().unwrap_or_else(|| panic!("{name}: {seen}")));
    assert!(moments.is_sorted(), "{seen}");
}

/// The trace is JSON, and has the requests with the stages that can be told from outside, and the tracks of the tap.
fn assert_trace(tap: &Path) {
    let trace: Vec<Value> = serde_json::from_slice(&std::fs::read(tap.join("trace.json")).unwrap()).unwrap();
    let has = |ph: &str, name: &str| trace.iter().any(|event| event["ph"] == ph && event["name"] == name);
    for stage in ["request", "queue", "program", "respond"] {
        assert!(has("X", stage), "{stage}");
    }
    assert!(!has("X", "local.lookup") && has("C", "requests open") && has("C", "CPU (cores)"));
}

#[test]
fn go_and_the_backend_see_the_same_and_the_records_agree() {
    let workspace = Workspace::of_libraries();
    let mut plain = workspace.go("", &LIST);
    plain.env(
        "GOCACHEPROG",
        format!("{CACHEPROG} --no-records --cache-dir {}", workspace.path().join("plain").display()),
    );
    let (expected, _) = workspace.compile(&mut plain);
    let own = || -> PathBuf { sessions(&workspace.path().join("metrics")).last().unwrap().clone() };
    for state in ["cold", "local-hit"] {
        let tap = workspace.path().join("tap").join(state);
        let (built, said) = build_through_tap(&workspace, &tap);
        assert!(built == expected, "{state}: other outputs");
        assert_eq!(said, "CacheProg used.\n", "with a folder of its own the tap prints nothing");
        read_session(&own());
        assert_same(&tap, &own());
        assert_trace(&tap);
    }
    let puts = |state: &str| read_session(&workspace.path().join("tap").join(state))["puts"].as_u64().unwrap();
    assert!(puts("cold") >= 30 && puts("local-hit") == 0, "{} and {}", puts("cold"), puts("local-hit"));
    let log = log(&workspace.path().join("tap/cold"));
    let requests = log.lines.iter().filter(|(_, line)| matches!(line, Line::Request(_))).count();
    assert_eq!((requests * 2, log.go.is_some()), (log.lines.len(), true));
}

#[test]
fn alone_it_says_where_the_records_are() {
    let workspace = Workspace::of_libraries();
    let state = workspace.path().join("state");
    let mut go = workspace.go("", &["build", "./..."]);
    let backend = format!("{CACHEPROG} --no-records --cache-dir {}", workspace.store().display());
    go.env("GOCACHEPROG", format!("{BENCH} tap -- {backend}")).env("XDG_STATE_HOME", &state);
    // A value that cannot be read does not end the build.
    go.env("CACHEPROG_HERE", "perhaps").env_remove("CACHEPROG_METRICS");
    let output = go.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    let folder = said.lines().find_map(|line| line.strip_prefix("bench tap: the records of this session are in "));
    let folder = PathBuf::from(folder.unwrap_or_else(|| panic!("no folder in {said}")));
    assert!(folder.starts_with(state.join("cacheprog/sessions")) && folder.is_absolute(), "{}", folder.display());
    let session = read_session(&folder);
    assert!(session["gets"].as_u64().unwrap() > 0 && session["closed_by"] == "close", "{session}");
    assert_moments(&session["seen"], &["handshake_ns", "close_ns", "close_answered_ns", "stdout_end_ns", "exit_ns"]);
    assert!(state.join("cacheprog/trace.json").is_file(), "the plain names lead to the session");
}

#[test]
fn watch_puts_the_tap_around_the_program_that_is_set() {
    let workspace = Workspace::of_libraries();
    let backend = format!("{CACHEPROG} --quiet --no-records --cache-dir '{}'", workspace.store().display());
    let watch = |program: &str, arguments: &[&str]| {
        let go = workspace.go("", &[]);
        let mut watch = std::process::Command::new(BENCH);
        watch.args(["watch", "--metrics"]).arg(workspace.path().join("watched")).arg("--").args(arguments);
        watch.current_dir(workspace.module());
        for (name, value) in go.get_envs() {
            if let Some(value) = value {
                watch.env(name, value)
            } else {
                watch.env_remove(name)
            };
        }
        watch.env("GOCACHEPROG", program).output().unwrap()
    };
    let output = watch(&backend, &["go", "list", "-export", "./..."]);
    assert!(output.status.success() && !output.stdout.is_empty(), "{}", stderr(&output));
    let said = stderr(&output);
    let folder = said.trim().strip_prefix("bench watch: the records of this session are in ");
    assert!(read_session(Path::new(folder.unwrap_or_else(|| panic!("{said}"))))["puts"].as_u64().unwrap() >= 30);
    let output = watch(&backend, &["go", "version"]);
    assert!(output.status.success() && stderr(&output).contains("no records"), "{}", stderr(&output));
    let output = watch(&backend, &["go", "build", "./missing"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let output = watch("", &["go", "version"]);
    let said = stderr(&output);
    assert!(
        !output.status.success() && said.contains("GOCACHEPROG is not set") && said.contains("\n  next:  "),
        "{said}"
    );
}
