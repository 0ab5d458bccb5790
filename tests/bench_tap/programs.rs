//! Programs that do not keep to the protocol: whoever talks to one sees the same with the tap as without, and the record says
//! what was seen.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::BENCH;
use super::common::backend::{put_text, wire};
use super::common::{Workspace, read_session, stderr, wait_until};

/// The shell script that follows its handshake.
const HANDSHAKE: &str = "echo '{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}'\n";

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// The tap before a script.
fn tapped(script: &str, session: &Path) -> Command {
    let mut command = Command::new(BENCH);
    command.arg("tap").arg("--session").arg(session).args(["--", "sh", "-c", script]);
    command
}

fn get(id: i64) -> String {
    format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", wire(id as u8))
}

/// Sends `input`, and takes the output to its end. `ends`: the input is ended before that, else after it.
fn talk(mut command: Command, input: &[u8], ends: bool) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take();
    let mut out = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A program that reads nothing is one of the cases.
            let _ = stdin.as_mut().unwrap().write_all(input);
            if ends {
                stdin.take();
            }
        });
        child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
    });
    drop(stdin);
    Output { stdout: out, ..child.wait_with_output().unwrap() }
}

/// Talks to a script with and without the tap, expects that both end alike, and gives what the tap has seen.
fn seen(script: &str, input: &str, ends: bool) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let plain = talk(shell(script), input.as_bytes(), ends);
    let through = talk(tapped(script, folder.path()), input.as_bytes(), ends);
    assert_eq!(String::from_utf8_lossy(&through.stdout), String::from_utf8_lossy(&plain.stdout), "{script}");
    assert_eq!(through.status.code(), plain.status.code(), "{script}");
    assert_eq!(stderr(&through), stderr(&plain), "{script}");
    let mut session = read_session(folder.path());
    let mut seen = session["seen"].take();
    seen["error"] = session["error"].take();
    seen
}

#[test]
fn a_program_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut tap = Command::new(BENCH);
    tap.arg("tap").arg("--session").arg(folder.path()).args(["--", "./missing", "--key=secret"]);
    let output = talk(tap, b"", true);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(127), 0));
    let said = stderr(&output);
    assert!(said.contains("cannot start the GOCACHEPROG program ./missing") && said.contains("\n  next:  "), "{said}");
    let session = read_session(folder.path());
    assert!(session["seen"]["start_error"].is_string() && session["seen"]["pid"].is_null(), "{session}");
    assert!(!session.to_string().contains("secret"), "arguments are in no record");
}

#[test]
fn a_program_that_ends_too_soon_is_seen() {
    let at_once = seen("exit 3", "", false);
    assert_eq!((&at_once["exit"]["code"], &at_once["handshake_ns"]), (&3.into(), &Value::Null));
    assert!(at_once["error"].as_str().unwrap().contains("before go sent close: it ended with exit code 3"));
    let killed = talk(tapped("kill -9 $$", tempfile::tempdir().unwrap().path()), b"", false);
    assert_eq!(killed.status.code(), Some(137), "as a shell has it");
    let closes = seen(&format!("{HANDSHAKE}exec >&-; cat >/dev/null; exit 4"), "", false);
    assert_eq!((&closes["exit"]["code"], closes["close_ns"].is_null()), (&4.into(), true));
    assert!(closes["stdout_end_ns"].as_u64() < closes["stdin_end_ns"].as_u64().or(Some(u64::MAX)), "{closes}");
}

#[test]
fn requests_without_an_answer_are_counted() {
    let silent = seen("cat >/dev/null", &(get(1) + &get(2)), true);
    assert_eq!((&silent["handshake_ns"], &silent["unanswered"]), (&Value::Null, &2.into()));
    let slow = seen(&format!("{HANDSHAKE}cat >/dev/null; sleep 0.1; exit 5"), &get(1), true);
    assert_eq!(
        (&slow["unanswered"], &slow["exit"]["code"], &slow["known_commands"][1]),
        (&1.into(), &5.into(), &"put".into())
    );
    assert!(slow["exit_ns"].as_u64() > slow["stdin_end_ns"].as_u64());
}

#[test]
fn lines_and_answers_that_go_does_not_take_are_kept() {
    let script = format!(
        "printf 'starting \\033up\\n'\n{HANDSHAKE}echo more; read request; echo '{{\"ID\":1,\"Miss\":true}}'; cat >/dev/null"
    );
    let noisy = seen(&script, &get(1), true);
    assert_eq!((&noisy["stray_lines"], &noisy["first_stray_line"]), (&2.into(), &"starting \\x1bup".into()));
    assert_eq!(noisy["unanswered"], 0);
    let script = format!("{HANDSHAKE}read request; echo '{{\"ID\":99,\"Miss\":true}}'; cat >/dev/null");
    let unknown = seen(&script, &get(1), true);
    assert_eq!(
        (&unknown["unknown_ids"], &unknown["first_unknown_id"], &unknown["unanswered"]),
        (&1.into(), &99.into(), &1.into())
    );
}

#[test]
fn a_reader_that_stands_still_is_seen_in_the_body_that_waits() {
    let put = put_text(1, 1, &vec![7; 300_000], &wire(1));
    let script = format!("{HANDSHAKE}sleep 0.2; cat >/dev/null");
    let stands = seen(&script, &put, true);
    assert!(stands["longest_stdin_block_ns"].as_u64().unwrap() > 50_000_000, "{stands}");
    let refuses = seen(&format!("{HANDSHAKE}exec <&-; sleep 0.1; exit 6"), &put, true);
    assert_eq!((refuses["stdin_closed_ns"].is_u64(), &refuses["exit"]["code"]), (true, &6.into()));
}

#[test]
fn a_process_that_is_left_behind_is_named() {
    let script = format!("{HANDSHAKE}sleep 300 </dev/null >/dev/null 2>&1 &\ncat >/dev/null");
    let folder = tempfile::tempdir().unwrap();
    talk(tapped(&script, folder.path()), b"", true);
    let session = read_session(folder.path());
    let left = session["seen"]["left_running"].as_array().unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!((left.len(), &left[0]["name"]), (1, &"sleep".into()), "{session}");
        kill(pid(&left[0]["pid"]), Signal::SIGKILL).unwrap();
    }
}

#[test]
fn a_program_that_outlives_its_go_is_recorded_and_its_end_too() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("session");
    let script = format!("{HANDSHAKE}cat >/dev/null; exec sleep 300");
    // A shell in the place of go, which is killed.
    let mut go = Command::new("sh");
    go.args(["-c", "\"$@\" & wait", "go", BENCH, "tap", "--session"]).arg(&session).args(["--", "sh", "-c", &script]);
    let mut child = go.stdout(Stdio::null()).spawn().unwrap();
    wait_until("the session begins", || session.join("request.txt").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = read_session(&session)["seen"].take();
    assert_eq!((&seen["outlived_go"], &seen["exit"]), (&true.into(), &Value::Null), "{seen}");
    kill(pid(&seen["pid"]), Signal::SIGKILL).unwrap();
    wait_until("the end is recorded", || read_session(&session)["seen"]["exit"]["signal"] == 9);
}

#[test]
fn a_signal_to_the_tap_alone_reaches_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("trap 'exit 9' TERM\n{HANDSHAKE}while :; do sleep 0.02; done");
    let mut child = tapped(&script, folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut handshake = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut handshake).unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(read_session(folder.path())["seen"]["signals"], serde_json::json!([Signal::SIGTERM as i32]));
}

#[test]
fn any_bytes_are_passed_on_as_they_are() {
    let bytes: Vec<u8> = (0..3_000_000).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    let output = talk(tapped("cat", folder.path()), &bytes, true);
    assert!(output.stdout == bytes && output.status.success());
    assert_eq!(read_session(folder.path())["seen"]["bytes_to_go"], 3_000_000);
}

#[test]
fn go_says_the_same_of_a_broken_program() {
    let workspace = Workspace::of_libraries();
    for (name, script) in [("noise", "echo starting\n"), ("ends", HANDSHAKE), ("silent", "exit 1\n")] {
        let path = workspace.path().join(name);
        super::common::write(&path, script);
        let said = |program: String| {
            let output = workspace.go("", &["list", "-export", "./..."]).env("GOCACHEPROG", program).output().unwrap();
            assert!(!output.status.success(), "{name}");
            // How many requests were open is a matter of time.
            stderr(&output).replace(|letter: char| letter.is_ascii_digit(), "")
        };
        let plain = said(format!("sh {}", path.display()));
        let session = workspace.path().join("tap").join(name);
        let through = said(format!("{BENCH} tap --session {} -- sh {}", session.display(), path.display()));
        assert_eq!(through, plain, "{name}");
        assert!(read_session(&session)["error"].is_string(), "{name}");
    }
}

fn pid(value: &Value) -> Pid {
    Pid::from_raw(i32::try_from(value.as_i64().unwrap()).unwrap())
}
