//! Two commits of a backend side by side, with the real go and cargo. The commits are of a small package that starts the bench
//! under test as its backend, so that each builds in a second.

#[path = "common/schema.rs"]
mod schema;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A repository with a copy of bench beside it, which so knows of no target folder but that of the repository.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// One commit for each body of `main`, which has the real bench as `bench`.
    fn new(bodies: &[&str]) -> Repository {
        let repository = Repository { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(repository.root().join("src")).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_bench"), repository.bench()).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        let manifest = "[package]\nname = \"x\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[[bin]]\nname = \"bench\"\npath = \"src/main.rs\"\n";
        repository.write("Cargo.toml", manifest);
        repository.write(".gitignore", "/target\n/metrics\nCargo.lock\n");
        bodies.iter().for_each(|body| repository.commit(body));
        repository
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    fn bench(&self) -> PathBuf {
        self.folder.path().join("bench")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.root().join(name), text).unwrap();
    }

    fn commit(&self, body: &str) {
        let bench = self.bench();
        let text = format!(
            "use std::os::unix::process::CommandExt;\n\
             fn bench() -> std::process::Command {{\n\
             let mut bench = std::process::Command::new({bench:?});\nbench.args(std::env::args_os().skip(1));\nbench\n}}\n\
             fn main() {{\n{body}\npanic!(\"{{}}\", bench().exec());\n}}\n"
        );
        self.write("src/main.rs", &text);
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--allow-empty-message", "--message", body]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
        let mut command = Command::new("git");
        command.arg("-C").arg(self.root()).args(arguments).envs(identity.map(|name| (name, "x")));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn compare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bench());
        command.current_dir(self.root()).arg("compare").args(arguments).args(["--scenario", "small"]);
        // Where files of commits go: looked at afterwards.
        std::fs::create_dir_all(self.temporary()).unwrap();
        command.env("TMPDIR", self.temporary()).env_remove("CARGO_TARGET_DIR");
        command
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// What a user would see of a comparison in his repository: nothing.
    fn assert_untouched(&self, status: &str) {
        assert_eq!(self.git(&["status", "--porcelain"]), status);
        assert_eq!(self.git(&["worktree", "list"]).lines().count(), 1);
        assert_eq!(self.git(&["stash", "list"]), "");
        let left: Vec<_> = std::fs::read_dir(self.temporary()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn failure(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    assert_eq!(status.code(), Some(2), "{}", text(&stderr));
    text(&stderr)
}

const SLOW: &str = "if std::env::args().nth(1).as_deref() == Some(\"backend\") { std::thread::sleep(std::time::Duration::from_millis(700)); }";

#[test]
fn a_commit_that_is_slower_is_told_and_the_repository_is_as_it_was() {
    let repository = Repository::new(&["", SLOW]);
    repository.write("src/main.rs", "changed, and not committed");
    let status = repository.git(&["status", "--porcelain"]);
    let arguments = [
        "HEAD~1",
        "main",
        "--only",
        "remote-hit,local-hit",
        "--rounds",
        "5",
        "--fail-over",
        "10%",
        "--markdown",
        "../pr.md",
    ];
    let output = repository.compare(&arguments).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stderr}\n{stdout}");
    assert!(stderr.contains("building the backend of HEAD~1 "), "{stderr}");
    assert!(stdout.contains("SLOWER BY MORE THAN 10 %: remote-hit, local-hit."), "{stdout}");
    assert!(stdout.contains(" against HEAD~1 ") && !stdout.contains("They ran side by side"), "{stdout}");
    repository.assert_untouched(&status);

    let markdown = std::fs::read_to_string(repository.folder.path().join("pr.md")).unwrap();
    let short = |revision: &str| repository.git(&["rev-parse", revision])[..7].to_owned();
    let (before, after) = (format!("HEAD~1 {}", short("HEAD~1")), format!("main {}", short("main")));
    assert!(markdown.starts_with(&format!("**{after} (second) against {before} (first): remote-hit ")), "{markdown}");
    assert!(markdown.contains("| local-hit | ") && markdown.contains("SLOWER"), "{markdown}");

    let results = std::fs::read(repository.root().join("metrics/latest/results.json")).unwrap();
    let results: Value = serde_json::from_slice(&results).unwrap();
    schema::check(&results);
    let wrong: Vec<&Value> =
        results["rounds"].as_array().unwrap().iter().filter(|round| round["state_ok"] != true).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(results["plan"]["cases"][0]["backend"]["commit"].as_str().map(str::len), Some(40));
    assert_eq!(results["differences"]["states"][0]["verdict"], "slower");

    // What was built is there for the next time, and a saved run tells the same.
    let again = repository.compare(&["HEAD~1", ".", "--only", "local-hit", "--rounds", "1"]).output().unwrap();
    assert!(again.status.success() && !text(&again.stderr).contains("building"), "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("this build against HEAD~1"), "{}", text(&again.stdout));
    let mut report = Command::new(repository.bench());
    let report =
        report.current_dir(repository.root()).args(["report", "metrics/latest", "--details"]).output().unwrap();
    assert!(text(&report.stdout).contains("this build (second) against HEAD~1"), "{}", text(&report.stdout));
}

#[test]
fn what_cannot_be_compared_is_one_clear_paragraph() {
    let old = "if std::env::args().any(|word| word == \"--watch-s3\") {\n\
               eprintln!(\"error: unexpected argument '--watch-s3' found\\n\\nUsage: bench\");\nstd::process::exit(2);\n}";
    let repository = Repository::new(&["", "nonsense_that_does_not_compile();", old]);
    let error = failure(repository.compare(&["HEAD~1", ".", "--markdown", "../pr.md"]));
    assert!(!repository.folder.path().join("pr.md").exists(), "nothing was written into it");
    assert!(error.contains("error: HEAD~1 ") && error.contains(" does not build (exit status: 101)"), "{error}");
    assert!(error.contains("nonsense_that_does_not_compile") && error.contains("next:"), "{error}");
    let error = failure(repository.compare(&[".", "HEAD"]));
    assert!(
        error.contains("does not know an argument of this bench: unexpected argument '--watch-s3' found"),
        "{error}"
    );
    assert!(!repository.root().join("metrics").exists(), "it is known before anything is run");
    let error = failure(repository.compare(&["HEAD~7", "."]));
    assert!(error.contains("`HEAD~7` is neither a saved run nor a commit") && error.contains("next:"), "{error}");
    repository.write("run.json", "{}");
    let error = failure(repository.compare(&["run.json", "HEAD"]));
    assert!(error.contains("a saved run cannot be compared with a commit"), "{error}");
    let error = failure(repository.compare(&["run.json", "run.json"]));
    assert!(error.contains("`--scenario` is for two commits"), "{error}");
    repository.git(&["clean", "--quiet", "--force"]);
    repository.assert_untouched("");
}

#[test]
fn an_interrupt_ends_a_build_and_leaves_nothing() {
    let repository = Repository::new(&[""]);
    let started = repository.folder.path().join("started");
    let script = format!(
        "fn main() {{ std::fs::write({started:?}, \"\").unwrap(); std::thread::sleep(std::time::Duration::from_secs(600)); }}\n"
    );
    repository.write("build.rs", &script);
    repository.commit("let _waits_for_ever = ();");
    let mut child = repository.compare(&["HEAD", "."]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for attempt in 0.. {
        if started.is_file() {
            break;
        }
        assert!(attempt < 6000, "the build did not start within two minutes");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    repository.assert_untouched("");
}
