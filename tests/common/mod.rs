//! What the end-to-end tests share: a real go with settings of its own, a small module, an S3 server on loopback.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod backend;
pub mod backends;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use gocacheprog::cache::remote::s3_config::config::{Route, S3Config};
use gocacheprog::s3_server::{Credentials, Server, ServerOptions};
use tokio::runtime::Runtime;

/// The backend under test.
pub const CACHEPROG: &str = env!("CARGO_BIN_EXE_cacheprog");

/// Compiles all packages of a module, and prints the files that the compiler wrote.
pub const LIST: [&str; 5] = ["list", "-export", "-f", "{{.Export}}", "./..."];

/// The backend's command: with none of the user's settings, and with its store and records in the working directory.
pub fn cacheprog() -> Command {
    let mut command = Command::new(CACHEPROG);
    for (name, _) in std::env::vars_os() {
        if ["S3_", "CACHEPROG_", "XDG_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("CACHEPROG_HERE", "1");
    command
}

/// The folders of the sessions in a folder of records, the oldest first.
pub fn sessions(records: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(records.join("sessions")).into_iter().flatten();
    let mut sessions: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // Beside them is the file that says whose folder this is.
    sessions.retain(|path| path.join("session.lock").exists());
    sessions.sort();
    sessions
}

/// A folder with a Go module, a local store and everything else that go writes to.
pub struct Workspace {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Workspace {
    /// A module of three packages, one with a test, that import nothing but each other and `unsafe`.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("module");
        write(&module.join("go.mod"), "module example.com/m\n\ngo 1.24\n");
        write(
            &module.join("main.go"),
            "package main\n\nimport \"example.com/m/a\"\n\nfunc main() { println(a.A()) }\n",
        );
        write(&module.join("a/a.go"), "package a\n\nimport \"example.com/m/b\"\n\nfunc A() int { return b.B() + 1 }\n");
        write(&module.join("b/b.go"), "package b\n\nfunc B() int { return 41 }\n");
        for name in ["gocache", "tmp", "config"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder, environment: Vec::new() }
    }

    /// A module of thirty packages that import nothing, or each other: compiled in a second, because they need no runtime.
    pub fn of_libraries() -> Self {
        let workspace = Self::new();
        let module = workspace.module();
        for name in ["main.go", "a", "b"] {
            let path = module.join(name);
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        }
        for n in 0..30 {
            let (import, call) = match n % 4 {
                3 => (format!("import \"example.com/m/p{}\"\n\n", n - 1), format!("p{}.F()", n - 1)),
                _ => (String::new(), n.to_string()),
            };
            let text = format!("package p{n}\n\n{import}func F() int {{ return {call} }}\n");
            write(&module.join(format!("p{n}/p.go")), &text);
        }
        workspace
    }

    /// Adds a test, which needs the package `testing` and all below it.
    pub fn with_test(self) -> Self {
        let text =
            "package b\n\nimport \"testing\"\n\nfunc TestB(t *testing.T) {\n\tif B() != 41 {\n\t\tt.Fatal()\n\t}\n}\n";
        write(&self.module().join("b/b_test.go"), text);
        self
    }

    /// Sets a variable for each go that is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn module(&self) -> PathBuf {
        self.path().join("module")
    }

    /// The local store.
    pub fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    /// A `go` command that knows nothing of the user's settings and uses the backend with `arguments`.
    pub fn go(&self, backend_arguments: &str, arguments: &[&str]) -> Command {
        let mut go = Command::new("go");
        go.args(arguments).current_dir(self.module());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("S3_") || name.starts_with("CACHEPROG_"))
        {
            go.env_remove(name);
        }
        let (path, store) = (self.path(), self.store());
        go.env("GOENV", "off").env("GOFLAGS", "").env("GOWORK", "off").env("GOTOOLCHAIN", "local");
        go.env("GOCACHE", path.join("gocache")).env("GOTMPDIR", path.join("tmp"));
        go.env("TMPDIR", path.join("tmp"));
        go.env("XDG_CONFIG_HOME", path.join("config"));
        let (store, metrics) = (store.display(), path.join("metrics"));
        let metrics = metrics.display();
        go.env("GOCACHEPROG", format!("{CACHEPROG} --cache-dir {store} --metrics {metrics} {backend_arguments}"));
        go.envs(self.environment.iter().map(|(name, value)| (name, value)));
        go
    }

    /// Runs go to its end and expects that it works.
    pub fn run(&self, backend_arguments: &str, arguments: &[&str]) -> Output {
        let output = self.go(backend_arguments, arguments).output().expect("go can be started");
        assert!(output.status.success(), "go {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a go with the arguments [`LIST`], and gives what the compiler wrote, with what was said on stderr.
    pub fn compile(&self, go: &mut Command) -> (Vec<u8>, String) {
        compiled(&go.output().expect("go can be started"))
    }

    /// The summary of the newest session.
    pub fn last_session(&self) -> serde_json::Value {
        read_session(sessions(&self.path().join("metrics")).last().expect("there was a session"))
    }
}

/// The summary in `folder`; waits for it, because the records are written after go has been released.
pub fn read_session(folder: &Path) -> serde_json::Value {
    let path = folder.join("session.json");
    for _ in 0..600 {
        if let Ok(text) = std::fs::read(&path) {
            return serde_json::from_slice(&text).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{} was not written within 30 s", path.display());
}

/// Writes a file that go takes for an old one.
pub fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    let earlier = SystemTime::now() - Duration::from_secs(60);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(earlier).unwrap();
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}: not within a minute");
}

/// What the compiler wrote in a run of go with the arguments [`LIST`], and what was said on stderr.
pub fn compiled(output: &Output) -> (Vec<u8>, String) {
    assert!(output.status.success(), "{}", stderr(output));
    let files = std::str::from_utf8(&output.stdout).unwrap();
    (files.lines().flat_map(|path| std::fs::read(path).unwrap()).collect(), stderr(output))
}

/// The text of stderr.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An S3 server in this process.
pub struct S3 {
    pub server: Server,
    pub credentials: Credentials,
    runtime: Runtime,
}

impl S3 {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let credentials = Credentials::random().unwrap();
        let options = ServerOptions::plain("cache", credentials.clone());
        let server = runtime.block_on(Server::start(options)).unwrap();
        Self { server, credentials, runtime }
    }

    /// Lets the workspace's go use this server.
    pub fn use_in(&self, workspace: &mut Workspace) {
        self.variables().iter().for_each(|(name, value)| workspace.set(name, value));
    }

    /// What tells a backend of it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("S3_ENDPOINT", self.server.endpoint()),
            ("S3_ACCESS_KEY_ID", self.credentials.access_key_id.clone()),
            ("S3_SECRET_ACCESS_KEY", self.credentials.secret_access_key.clone()),
            ("S3_BUCKET_NAME", "cache".to_owned()),
        ]
    }

    /// The same for a client in the test.
    pub fn config(&self) -> S3Config {
        S3Config {
            endpoint_url: self.server.endpoint(),
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: self.credentials.secret_access_key.clone(),
            session_token: None,
            bucket: "cache".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            route: Route::default(),
        }
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Stops answering: open connections are cut, new ones are refused.
    pub fn stop(self) {
        drop(self.server);
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}
