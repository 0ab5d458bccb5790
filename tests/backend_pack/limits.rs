//! The backend within the limits of the system: few files, signals, temporary files, a stdout that takes nothing.

use super::common::backend::{Backend, output_of, put_text, wire};
use super::common::{S3, read_session};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Entries that a session puts.
const ENTRIES: u8 = 200;
/// Files that a process may have open.
const FEW: u64 = 64;

/// A backend over `s3`, whose local store is `store` below `folder`, and whose records are in `records`.
fn start(folder: &Path, store: &str, strategy: &str, s3: &S3) -> Backend {
    let arguments = ["--quiet", "--cache-dir", store, "--metrics", "records", "--strategy", strategy];
    Backend::start_with(folder, &arguments, s3.variables())
}

/// The same over the store `two`, with few files from the start.
fn start_with_few_files(folder: &Path, few: u64, strategy: &str, s3: &S3) -> Backend {
    let program = super::common::CACHEPROG;
    let arguments = format!("--quiet --cache-dir two --metrics records --strategy {strategy}");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {few}; exec {program} {arguments}")]).current_dir(folder);
    command.envs(s3.variables()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut backend = Backend { child, stdin, stdout };
    assert!(backend.answer()["KnownCommands"].is_array());
    backend
}

fn body(action: u8) -> Vec<u8> {
    (0..20_000_u32).map(|at| (at.wrapping_mul(at ^ u32::from(action)) >> 7) as u8).collect()
}

/// Sends requests without waiting, and takes all answers.
fn ask_all(backend: &mut Backend, requests: Vec<String>) -> Vec<serde_json::Value> {
    let count = requests.len();
    let mut stdin = backend.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        stdin.write_all(requests.concat().as_bytes()).unwrap();
        stdin
    });
    let answers = (0..count).map(|_| backend.answer()).collect();
    backend.stdin = Some(writer.join().unwrap());
    answers
}

fn puts(actions: std::ops::Range<u8>) -> Vec<String> {
    let put = |action: u8| put_text(i64::from(action) + 1, action, &body(action), &output_of(&body(action)));
    actions.map(put).collect()
}

#[test]
fn few_files_are_enough() {
    for strategy in ["pack", "async", "workshop"] {
        work_with_few_files(strategy);
    }
}

fn work_with_few_files(strategy: &str) {
    let s3 = S3::start();
    let folder = tempfile::tempdir().unwrap();
    let mut first = start(folder.path(), "one", strategy, &s3);
    ask_all(&mut first, puts(0..ENTRIES));
    first.close(1000);
    first.end();

    let mut second = start_with_few_files(folder.path(), FEW, strategy, &s3);
    let get = |action: u8| {
        format!("{{\"ID\":{},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", u32::from(action) + 1, wire(action))
    };
    let answers = ask_all(&mut second, (0..ENTRIES).map(get).collect());
    assert!(answers.iter().all(|answer| answer.get("Err").is_none()), "{answers:?}");
    let hits = answers.iter().filter(|answer| answer["DiskPath"].is_string()).count();
    assert_eq!(hits, usize::from(ENTRIES), "{strategy}: {answers:?}");
    let answers = ask_all(&mut second, puts(ENTRIES..250));
    assert!(answers.iter().all(|answer| answer["DiskPath"].is_string()), "{answers:?}");
    second.close(1000);
    let (code, _, said) = second.end();
    assert_eq!((code, said.as_str()), (Some(0), ""), "{strategy}");
    let sessions = std::fs::read_dir(folder.path().join("records/sessions")).unwrap();
    let folders = sessions.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let session = read_session(&folders.max().unwrap());
    assert_eq!((&session["remote_errors"], &session["uploads_left"]), (&0.into(), &0.into()), "{session}");
}

#[test]
fn too_few_files_for_a_remote_are_enough_for_the_local_store() {
    let s3 = S3::start();
    let folder = tempfile::tempdir().unwrap();
    let mut backend = start_with_few_files(folder.path(), 20, "pack", &s3);
    let answers = ask_all(&mut backend, puts(0..20));
    assert!(answers.iter().all(|answer| answer["DiskPath"].is_string()), "{answers:?}");
    assert_eq!(backend.get(1000, 1)["Size"], 20_000);
    backend.close(1001);
    let (code, _, said) = backend.end();
    assert!(said.starts_with("cacheprog: only 20 files may be open, too few for the remote"), "{said}");
    assert_eq!((code, said.lines().count(), s3.server.mark()), (Some(0), 1, 0), "{said}");
}

#[test]
fn the_soft_limit_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let program = super::common::CACHEPROG;
    let script = format!("ulimit -S -n 32; exec {program} --quiet --cache-dir store --metrics records");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder.path()).env_remove("S3_ENDPOINT");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let limits = procfs::process::Process::new(pid).unwrap().limits().unwrap().max_open_files;
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(format!("{:?}", limits.soft_limit), format!("{:?}", limits.hard_limit));
}

#[test]
fn signals_of_a_terminal_lose_no_upload() {
    for signal in [Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGINT, Signal::SIGTERM, Signal::SIGPIPE] {
        let s3 = S3::start();
        let folder = tempfile::tempdir().unwrap();
        let mut backend = start(folder.path(), "store", "pack", &s3);
        ask_all(&mut backend, puts(0..5));
        kill(Pid::from_raw(backend.child.id().cast_signed()), signal).unwrap();
        ask_all(&mut backend, puts(5..10));
        // go has died of the signal: no close.
        let (code, _, said) = backend.end();
        assert_eq!((code, said.as_str()), (Some(0), ""), "{signal}");
        let sessions = std::fs::read_dir(folder.path().join("records/sessions")).unwrap();
        let path = sessions.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
        let session = read_session(&path);
        assert_eq!((&session["uploads_done"], &session["uploads_left"]), (&10.into(), &0.into()), "{signal}");
    }
}

#[test]
fn a_profile_leaves_no_temporary_file() {
    for mode in ["first", "on"] {
        let folder = tempfile::tempdir().unwrap();
        let tmp = folder.path().join("tmp");
        std::fs::create_dir(&tmp).unwrap();
        let arguments = ["--quiet", "--cache-dir", "store", "--metrics", "records", "--cpu-profile", mode];
        let variables = vec![("TMPDIR", tmp.display().to_string())];
        let mut backend = Backend::start_with(folder.path(), &arguments, variables);
        backend.put(1, 1, b"body");
        super::common::wait_until("the file of the profiler", || std::fs::read_dir(&tmp).unwrap().count() == 1);
        assert_eq!(backend.end().0, Some(0));
        assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0, "{mode}");
    }
}

#[test]
fn a_stdout_that_is_closed_is_no_error_and_a_full_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = Backend::start(folder.path(), &["--quiet", "--cache-dir", "store", "--metrics", "records"]);
    backend.put(1, 1, b"body");
    backend.end();
    let of_store = |command| vec![command, "--cache-dir", "store"];
    for command in [of_store("verify"), of_store("trim"), vec!["--help"], vec!["-h"], vec!["--version"]] {
        let run = |stdout: Stdio| {
            let mut cacheprog = Command::new(super::common::CACHEPROG);
            cacheprog.args(&command).current_dir(folder.path());
            let output = cacheprog.stdout(stdout).stderr(Stdio::piped()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        assert_eq!(run(std::io::pipe().unwrap().1.into()), (Some(0), String::new()), "{command:?}");
        let (code, said) = run(std::fs::File::options().write(true).open("/dev/full").unwrap().into());
        assert!(code == Some(1) && said.starts_with("error: cannot write to stdout: "), "{command:?}: {said}");
    }
}
