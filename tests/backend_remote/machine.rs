//! A machine with a local store that remembers, and remotes that are not there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::common::backend::Backend;
use crate::common::{S3, read_session};

/// What names a remote.
pub type Variables = Vec<(&'static str, String)>;

/// A folder with a store and records.
pub struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn start(&self, variables: &Variables, arguments: &[&str]) -> Backend {
        let fixed = ["--quiet", "--cache-dir", "store", "--metrics", "metrics"];
        let mut variables = variables.clone();
        variables.push(("CACHEPROG_DRAIN_DEADLINE", "20".to_owned()));
        Backend::start_with(self.folder.path(), &[&fixed, arguments].concat(), variables)
    }

    /// A session that gets `gets` and puts `puts`, each with a body of its own; the answers to the gets, and what it said.
    pub fn run(&self, variables: &Variables, arguments: &[&str], gets: &[u8], puts: &[u8]) -> (Vec<Value>, String) {
        let mut backend = self.start(variables, arguments);
        let answers = gets.iter().map(|n| backend.get(i64::from(*n) + 1, *n)).collect();
        for n in puts {
            assert!(backend.put(i64::from(*n) + 500, *n, &body(*n))["DiskPath"].is_string());
        }
        backend.close(1000);
        let (code, _, stderr) = backend.end();
        assert_eq!(code, Some(0), "{stderr}");
        (answers, stderr)
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The summary of the newest session.
    pub fn session(&self) -> Value {
        let sessions = std::fs::read_dir(self.folder.path().join("metrics/sessions")).unwrap();
        read_session(&sessions.map(|entry| entry.unwrap().path()).max().unwrap())
    }

    /// Names of the files beside the store that begin so.
    pub fn files(&self, begin: &str) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.store()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begin)).collect()
    }

    /// What is remembered of the remote, if it is of one.
    pub fn state(&self) -> Value {
        let files = self.files("remote-");
        assert!(files.len() <= 1, "{files:?}");
        files.first().map_or(Value::Null, |path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    /// Lets it have been remembered so many seconds earlier.
    pub fn age_state(&self, seconds: i64) {
        let mut state = self.state();
        for time in ["since_s", "tried_s"] {
            state[time] = (state[time].as_i64().unwrap() - seconds).into();
        }
        std::fs::write(&self.files("remote-")[0], state.to_string()).unwrap();
    }

    /// Actions that a later session is to send.
    pub fn unsent(&self) -> usize {
        self.files("unsent-").iter().map(|path| std::fs::read_to_string(path).unwrap().lines().count()).sum()
    }
}

/// The body that an action gives.
pub fn body(n: u8) -> Vec<u8> {
    vec![n; 5000]
}

pub fn assert_hits(answers: &[Value], actions: &[u8]) {
    assert_eq!(answers.len(), actions.len());
    for (answer, n) in answers.iter().zip(actions) {
        assert!(std::fs::read(path_of(answer)).unwrap() == body(*n), "{answer}");
    }
}

pub fn path_of(answer: &Value) -> &Path {
    Path::new(answer["DiskPath"].as_str().unwrap_or_else(|| panic!("no hit: {answer}")))
}

pub fn assert_misses(answers: &[Value]) {
    assert!(answers.iter().all(|answer| answer["Miss"] == true), "{answers:?}");
}

/// Lines of the backend's own.
pub fn lines(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| line.starts_with("cacheprog:")).collect()
}

/// The settings of a remote at another address.
pub fn at(endpoint: &str) -> Variables {
    let settings = [
        ("S3_ENDPOINT", endpoint),
        ("S3_ACCESS_KEY_ID", "the-id"),
        ("S3_SECRET_ACCESS_KEY", "the-secret"),
        ("S3_BUCKET_NAME", "cache"),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).to_vec()
}

/// The settings of a server's remote with one changed.
pub fn changed(s3: &S3, name: &'static str, value: &str) -> Variables {
    let mut variables = s3.variables();
    variables.retain(|(other, _)| *other != name);
    variables.push((name, value.to_owned()));
    variables
}

/// A server that takes connections and may answer them; what it counts.
pub struct Fake {
    pub endpoint: String,
    pub connections: Arc<AtomicU64>,
}

impl Fake {
    /// Takes connections and never sends a byte.
    pub fn silent() -> Self {
        Self::start(std::mem::forget)
    }

    /// Answers each request with what `answer` gives for its first line: a status and a body.
    pub fn answering(answer: impl Fn(&str) -> (&'static str, &'static str) + Clone + Send + 'static) -> Self {
        Self::start(move |mut stream| {
            let mut request = vec![0; 1 << 16];
            let length = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..length]);
            let (status, body) = answer(text.lines().next().unwrap_or_default());
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes());
            // What is left of a body has to be read, or the answer is lost in a reset.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        })
    }

    fn start(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicU64::new(0));
        let counted = connections.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { endpoint, connections }
    }

    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// What a bucket without an object answers to a listing.
pub const NOTHING_LISTED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>cache</Name><KeyCount>0</KeyCount>\
    <MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>";

/// An address where packets are lost: nobody accepts there, and no more connections wait than there are already. As long as
/// what is given lives.
pub fn deaf() -> (String, impl Drop) {
    struct Deaf(#[expect(dead_code, reason = "they are there to be open")] tokio::net::TcpListener, Vec<TcpStream>);
    impl Drop for Deaf {
        fn drop(&mut self) {
            self.1.clear();
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _in_it = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
    }
    drop(_in_it);
    std::mem::forget(runtime);
    (format!("http://{address}"), Deaf(listener, waiting))
}
