//! bench leaves nothing behind when it cannot start, is interrupted or is killed.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procfs::process::{Process, all_processes};
use serde_json::Value;

/// Tries, 5 ms apart, until something must have come.
const TRIES: u32 = 12_000;

/// A folder to work in, one for temporary files, and one for results.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        std::fs::create_dir(folder.path().join("here")).unwrap();
        Place(folder)
    }

    fn here(&self) -> PathBuf {
        self.0.path().join("here")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out/metrics")
    }

    /// A bench that writes its results into [`Place::out`], unless `args` say otherwise.
    fn bench(&self, args: &[&str]) -> Command {
        let mut command = super::bench(&self.here(), args);
        command.env("TMPDIR", self.0.path().join("tmp"));
        for name in ["S3_ENDPOINT", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_BUCKET_NAME", "S3_PREFIX"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// With the results in [`Place::out`].
    fn bench_out(&self, args: &[&str]) -> Command {
        let mut command = self.bench(args);
        command.arg("--out").arg(self.out());
        command
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.here().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A folder for PATH with a `go` that is this shell script.
    fn fake_go(&self, name: &str, script: &str) -> String {
        let go = self.write(&format!("{name}/go"), &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&go, std::fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:/usr/bin:/bin", go.parent().unwrap().display())
    }

    /// Whatever ran here must have left no temporary file, no process, and no run that measured nothing.
    fn assert_nothing_left(&self, what: &str) {
        wait_until(&format!("{what}: no process"), || processes_in(self.0.path()).is_empty());
        assert_eq!(names(&self.0.path().join("tmp")), Vec::<String>::new(), "{what}: temporary files");
        for run in names(&self.out()).iter().filter(|name| ![".gitignore", "latest"].contains(&name.as_str())) {
            let folder = self.out().join(run);
            let text = std::fs::read(folder.join("results.json")).unwrap_or_default();
            let results: Value = serde_json::from_slice(&text).unwrap_or_default();
            assert!(!results["rounds"].as_array().unwrap().is_empty(), "{what}: {run} measured nothing");
            assert!(!folder.join("work").exists() && !folder.join(".lock").exists(), "{what}: {:?}", names(&folder));
        }
        let is_empty = names(&self.out()).iter().all(|name| name == ".gitignore");
        assert!(!is_empty || !self.0.path().join("out").exists(), "{what}: a folder without results");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..TRIES {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}: not within a minute");
}

/// Processes that work below a folder, without those that only wait to be reaped.
fn processes_in(folder: &Path) -> Vec<i32> {
    let is_here = |process: &Process| {
        let is_dead = process.stat().map_or(true, |stat| stat.state == 'Z');
        !is_dead && process.cwd().is_ok_and(|cwd| cwd.starts_with(folder))
    };
    all_processes().unwrap().flatten().filter(is_here).map(|process| process.pid).collect()
}

/// A process and its descendants: number, start and words.
fn tree(root: u32) -> Vec<(i32, u64, String)> {
    let all: Vec<_> = all_processes().unwrap().flatten().filter_map(|process| process.stat().ok()).collect();
    let mut found = vec![i32::try_from(root).unwrap()];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|stat| stat.ppid == parent).map(|stat| stat.pid));
        at += 1;
    }
    let words = |pid| Process::new(pid).and_then(|process| process.cmdline()).unwrap_or_default().join(" ");
    let described = all.iter().filter(|stat| found.contains(&stat.pid));
    described.map(|stat| (stat.pid, stat.starttime, words(stat.pid))).collect()
}

fn is_alive((pid, start, _): &(i32, u64, String)) -> bool {
    let stat = Process::new(*pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.starttime == *start && stat.state != 'Z')
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

fn ended(mut child: Child) -> (ExitStatus, String) {
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    (child.wait().unwrap(), said)
}

/// Runs to an error, and checks that it is one and not a panic.
fn assert_error(place: &Place, command: &mut Command) {
    let what = format!("{command:?}");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{what}: {}: {said}", output.status);
    assert!(!said.is_empty() && !said.contains("panicked"), "{what}: {said}");
    place.assert_nothing_left(&what);
}

#[test]
fn what_cannot_start_leaves_nothing() {
    let place = Place::new();
    place.write("file", "");
    place.write("broken.toml", "[");
    place.write("unknown.toml", "description = \"x\"\nstates = [\"local-hit\"]\n[rounds]\nshrot = 3\n");
    place.write("nothing.toml", "");
    std::fs::create_dir(place.here().join("empty")).unwrap();
    place.write("module/go.mod", "modul example.com/m\n");
    place.write("broken/results.json", "{\"schema\": 1");
    place.write("profile/fg.prof", "no profile");
    for args in [
        &["--scenario", "nonsense"][..],
        &["--scenario", "missing.toml"],
        &["--scenario", "broken.toml"],
        &["--scenario", "unknown.toml"],
        &["--scenario", "nothing.toml"],
        &["--scenario", "."],
        &["--scenario", "small", "no/package/can/be/chosen"],
        &["--scenario", "links", "--case", "nonsense"],
        &["--scenario", "small", "--heap-profile", "--only", "nonsense"],
        &["--only", "nonsense"],
        &["--only", ""],
        &["--rounds", "0"],
        &["--long-rounds", "many"],
        &["--rtt", "-1"],
        &["--rtt", "1", "--remote", "env"],
        &["--until", "0"],
        &["--remote", "nonsense"],
        &["--workload", "nowhere"],
        &["--workload", "file"],
        &["--workload", "empty"],
        &["--workload", "module"],
        &["overhead", "--state", "go-warm"],
        &["overhead", "--scenario", "nonsense"],
        &["overhead", "--rounds", "1"],
        &["scaling", "--entries", "1"],
        &["scaling", "--rtt", "-1"],
        &["what-if", "--scenario", "small", "--state", "remote-hit", "--change", "nonsense"],
        &["selftest", "--scenario", "small"],
        &["compare", "nowhere", "."],
        &["compare", ".", "HEAD"],
    ] {
        assert_error(&place, &mut place.bench_out(args));
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for args in [
        &["nonsense", "nonsense"][..],
        &["report", "nowhere"],
        &["report", "empty"],
        &["report", "broken"],
        &["compare", "broken", "broken"],
        &["compare", "nowhere", "nowhere", "--markdown", "new.md"],
        &["compare", ".", ".", "--markdown", "nowhere/new.md"],
        &["diff", "nowhere", "nowhere"],
        &["diff", "file", "file"],
        &["diff", "empty", "profile"],
        &["diff", "profile", "profile"],
        &["s3", "--fault", "nonsense"],
        &["s3", "--port", &port],
        &["s3", "--tls", "--port", &port],
        &["completions", "nonsense"],
        &["man", "file/man"],
        &["seed", "--cache-dir", "nowhere"],
        &["--scenario", "small", "--out", "file/metrics"],
        &["--scenario", "small", "--out", "/proc/metrics"],
        &["scaling", "--entries", "20", "--out", "file/metrics"],
        &["overhead", "--scenario", "small", "--out", "file/metrics"],
    ] {
        assert_error(&place, &mut place.bench(args));
    }
    assert!(!place.here().join("metrics").exists() && !place.here().join("new.md").exists());
}

#[test]
fn no_go_or_no_remote_leaves_nothing() {
    let place = Place::new();
    for path in [
        "/nowhere".to_owned(),
        place.fake_go(
            "old",
            "if [ $1 = env ]; then pwd; mkdir -p bin; cp \"$0\" bin/go; else echo go version go1.22.3 linux/amd64; fi",
        ),
        place.fake_go("failing", "echo no >&2; exit 3"),
        place.fake_go("silent", "exit 0"),
    ] {
        for args in [&["--scenario", "small"][..], &["overhead", "--scenario", "small"]] {
            assert_error(&place, place.bench_out(args).env("PATH", &path));
        }
    }
    let refused = [("S3_ENDPOINT", "http://127.0.0.1:1"), ("S3_ACCESS_KEY_ID", "id"), ("S3_SECRET_ACCESS_KEY", "key")];
    let missing = [("S3_ENDPOINT", "http://127.0.0.1:1"), ("S3_BUCKET_NAME", "cache")];
    let nonsense = [("S3_ENDPOINT", "http://[")];
    for variables in [&[][..], &refused, &missing, &nonsense] {
        let mut command = place.bench_out(&["--scenario", "small", "--remote", "env"]);
        assert_error(&place, command.envs(variables.iter().copied()));
    }
}

#[test]
fn a_build_that_fails_at_once_leaves_nothing_but_gos_words() {
    let place = Place::new();
    place.write("module/go.mod", "module example.com/m\n\ngo 1.24\n");
    place.write("module/m.go", "package m\n\nfunc f() { none() }\n");
    place.write(
        "module/t/t_test.go",
        "package t\n\nimport \"testing\"\n\nfunc TestT(t *testing.T) { t.Fatal(\"no luck\") }\n",
    );
    for (args, words) in [
        (&["--workload", "module", "--only", "go-cold", "./..."][..], "undefined: none"),
        (&["--workload", "module", "--only", "local-hit", "./..."], "undefined: none"),
        (&["--workload", "module", "--only", "local-hit", "./none/..."], "lstat ./none/: no such file"),
        (&["--workload", "module", "--only", "cold", "--", "go", "test", "./t"], "no luck"),
    ] {
        let output = place.bench(&[]).arg("--out").arg(place.out()).args(args).output().unwrap();
        let said = super::text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("build.log") && output.stdout.is_empty(), "{said}");
        place.assert_nothing_left(&format!("{args:?}"));
    }
}

#[test]
fn an_interrupt_leaves_nothing_at_any_moment() {
    let place = Place::new();
    let small = ["--scenario", "small", "--rounds", "500"];
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGQUIT];
    // From before the first handler to the middle of the rounds.
    let waits_ms = [0, 4, 10, 30, 60, 120, 250, 400, 600, 900, 1300, 1800];
    for (at, wait_ms) in waits_ms.into_iter().enumerate() {
        let child = place.bench_out(&small).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait_ms));
        send(&child, signals[at % signals.len()]);
        let (_, said) = ended(child);
        assert!(!said.contains("panicked"), "{said}");
        place.assert_nothing_left(&format!("{} after {wait_ms} ms", signals[at % signals.len()]));
    }
    let others = [
        &["overhead", "--scenario", "small", "--rounds", "500"][..],
        &["scaling", "--entries", "100000", "--rounds", "9"],
        &["what-if", "--scenario", "small", "--state", "remote-hit", "--change", "latency-0", "--rounds", "500"],
    ];
    for (args, signal) in others.into_iter().zip(signals) {
        let child = place.bench_out(args).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        send(&child, signal);
        let (status, said) = ended(child);
        assert_eq!(status.code(), Some(130), "{args:?}: {said}");
        place.assert_nothing_left(&format!("{args:?}"));
    }
}

#[test]
fn a_server_with_a_certificate_takes_it_along() {
    let place = Place::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGQUIT] {
        let child = place.bench(&["s3", "--tls", "--port", "0"]).spawn().unwrap();
        wait_until("a certificate", || !names(&place.0.path().join("tmp")).is_empty());
        send(&child, signal);
        assert_eq!(ended(child).0.code(), Some(0), "{signal}");
        place.assert_nothing_left(&format!("{signal}"));
    }
}

#[test]
fn a_killed_bench_takes_its_processes_along_and_the_next_run_its_caches() {
    let place = Place::new();
    let mut child = place.bench_out(&["--scenario", "small", "--rounds", "500"]).spawn().unwrap();
    let mut processes = Vec::new();
    wait_until("a server and a build", || {
        processes = tree(child.id());
        let runs = |words: &str| processes.iter().any(|(_, _, line)| line.contains(words));
        runs("s3-serve") && runs("go build") && runs("backend")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("all of them gone", || !processes.iter().any(is_alive) && processes_in(place.0.path()).is_empty());
    assert_eq!(names(&place.0.path().join("tmp")), Vec::<String>::new());
    let runs = names(&place.out()).into_iter().filter(|name| name != "latest");
    let work = runs.map(|run| place.out().join(run).join("work")).find(|work| work.is_dir());
    let work = work.expect("no process was left to remove the caches");
    let next = place.bench_out(&["scaling", "--entries", "20", "--rounds", "1", "--commits", "0"]).output().unwrap();
    let said = super::text(&next.stderr);
    assert!(next.status.success(), "{said}");
    assert!(said.contains(&format!("removed the caches of a run that was killed: {}", work.display())), "{said}");
    assert!(!work.exists());
}

#[test]
fn two_runs_at_once_name_their_own_files() {
    let place = Place::new();
    let start = |rounds: &str| {
        let args = ["--scenario", "small", "--only", "go-warm", "--no-profile", "--rounds", rounds];
        place.bench_out(&args).spawn().unwrap()
    };
    let (slow, fast) = (start("25"), start("1"));
    for child in [slow, fast] {
        let output = child.wait_with_output().unwrap();
        let table = super::text(&output.stdout);
        assert!(table.lines().count() <= 24 && table.contains(" all tables: "), "{table}");
        let path = table.lines().rev().find_map(|line| line.split_once("report.html")).unwrap().0;
        let run = PathBuf::from(path.trim_start()).canonicalize().unwrap();
        let results: Value = serde_json::from_slice(&std::fs::read(run.join("results.json")).unwrap()).unwrap();
        assert_eq!(results["ended"], "complete", "{table}");
        assert_eq!(results["run"], run.file_name().unwrap().to_str().unwrap());
    }
    assert_eq!(names(&place.out()).len(), 2 + 2, "two runs, `latest` and `.gitignore`: {:?}", names(&place.out()));
}

#[test]
fn a_bench_with_one_cpu_knows_that_go_has_one_worker() {
    let place = Place::new();
    let mut one = nix::sched::CpuSet::new();
    let all = nix::sched::sched_getaffinity(Pid::from_raw(0)).unwrap();
    one.set((0..nix::sched::CpuSet::count()).find(|cpu| all.is_set(*cpu) == Ok(true)).unwrap()).unwrap();
    let mut command = place.bench_out(&["--scenario", "small", "--only", "local-hit", "--rounds", "1", "--no-profile"]);
    // Of this thread only, from which bench inherits it.
    let run = std::thread::spawn(move || {
        nix::sched::sched_setaffinity(Pid::from_raw(0), &one).unwrap();
        command.output().unwrap()
    });
    let output = run.join().unwrap();
    assert!(output.status.success(), "{}", super::text(&output.stderr));
    let results = std::fs::read(place.out().join("latest/results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    let environment = &results["environment"];
    assert_eq!((&environment["cores"], &environment["go_workers"]), (&1.into(), &1.into()), "{environment}");
    for round in results["rounds"].as_array().unwrap() {
        assert_eq!(round["time_breakdown"]["workers"], 1, "{round:#}");
    }
}

#[test]
fn a_closed_or_full_stdout_is_no_panic() {
    let place = Place::new();
    let run = |args: &[&str], stdout: Stdio| {
        let output = place.bench(args).stdout(stdout).output().unwrap();
        let said = super::text(&output.stderr);
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        (output.status.code(), said)
    };
    for args in [&["completions", "bash"][..], &["--help"], &["--version"], &["--dry-run"], &["man", "pages"]] {
        let closed = || std::io::pipe().unwrap().1;
        assert_eq!(run(args, closed().into()).0, Some(0), "{args:?}");
        let (code, said) = run(args, File::options().write(true).open("/dev/full").unwrap().into());
        if args[0] != "man" {
            assert_eq!(code, Some(1), "{args:?}");
            assert!(said.contains("cannot write to stdout: No space left on device"), "{args:?}: {said}");
        }
    }
    for program in [env!("CARGO_BIN_EXE_cacheprog"), env!("CARGO_BIN_EXE_s3-clean")] {
        for args in [&["--help"][..], &["completions", "zsh"], &["verify"], &["trim"], &["path"]] {
            let mut command = Command::new(program);
            command.args(args).current_dir(place.here()).stdin(Stdio::null()).env("HOME", place.here());
            command.env("XDG_CACHE_HOME", place.here()).env("XDG_STATE_HOME", place.here()).env_remove("S3_ENDPOINT");
            for stdout in [Stdio::from(std::io::pipe().unwrap().1), File::create("/dev/full").unwrap().into()] {
                let output = command.stdout(stdout).stderr(Stdio::piped()).output().unwrap();
                assert!(!super::text(&output.stderr).contains("panicked"), "{command:?}");
            }
        }
    }
}
