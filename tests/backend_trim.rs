//! The folder and the bounds of the local store, through the real binary: what leaves, what stays, and who keeps it.

mod common;

use base64_simd::STANDARD;
use common::backend::{Backend, output_of};
use common::{LIST, Workspace};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAYS: Duration = Duration::from_secs(24 * 3600);

/// A store in which one session has put what is asked for: the action is the first byte of its body.
struct Store(tempfile::TempDir);

impl Store {
    fn with(bodies: &[&[u8]]) -> Self {
        let store = Self(tempfile::tempdir().unwrap());
        let mut backend = store.session(&[]);
        for (id, body) in (1..).zip(bodies) {
            backend.put(id, body[0], body);
        }
        backend.end();
        store
    }

    fn session(&self, flags: &[&str]) -> Backend {
        Backend::start(self.0.path(), &[&["--quiet", "--no-records", "--cache-dir", ".cache"], flags].concat())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join(".cache")
    }

    fn body(&self, content: &[u8]) -> PathBuf {
        self.folder().join(output_of(content).replace('/', "-") + "-d")
    }

    /// Lets what was put with this body have been put so many days ago.
    fn date_back(&self, content: &[u8], days: u32) {
        date_back(&self.body(content), days);
        date_back_entries(&self.folder().join("index"), Some(content), days);
    }

    fn trim(&self, flags: &[&str]) -> Output {
        self.run(&[&["trim", "--cache-dir", ".cache"], flags].concat())
    }

    /// The next end of a session trims.
    fn make_due(&self) {
        std::fs::write(self.folder().join("trim.txt"), "0").unwrap();
    }

    fn is_due(&self) -> bool {
        std::fs::read_to_string(self.folder().join("trim.txt")).unwrap() == "0"
    }

    fn index_bytes(&self) -> u64 {
        std::fs::metadata(self.folder().join("index")).unwrap().len()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(self.0.path(), arguments).output().unwrap()
    }

    fn verify(&self) {
        let verified = self.run(&["verify", "--cache-dir", ".cache"]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = common::cacheprog();
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn date_back(path: &Path, days: u32) {
    let time = SystemTime::now() - days * DAYS;
    File::open(path).unwrap().set_modified(time).unwrap();
}

/// Lets the entries of an output, or all, have been put so many days ago. An entry has 88 bytes and begins with `gcp1`, a
/// use has 48 and begins with `gcu1`; a CRC-32 of what follows comes second, and the time comes last.
fn date_back_entries(index: &Path, content: Option<&[u8]>, days: u32) {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - days * DAYS;
    let output = content.map(|content| STANDARD.decode_to_vec(output_of(content)).unwrap());
    let mut log = std::fs::read(index).unwrap();
    let mut rest = &mut log[..];
    while !rest.is_empty() {
        let (record, later) = rest.split_at_mut(if rest.starts_with(b"gcp1") { 88 } else { 48 });
        if record.len() == 88 && output.as_ref().is_none_or(|output| record[40..72] == **output) {
            record[80..].copy_from_slice(&(time.as_nanos() as i64).to_le_bytes());
            let sum = crc32fast::hash(&record[8..]);
            record[4..8].copy_from_slice(&sum.to_le_bytes());
        }
        rest = later;
    }
    std::fs::write(index, log).unwrap();
}

#[test]
fn what_was_not_used_for_days_leaves_and_what_was_stays() {
    let store = Store::with(&[b"1 old", b"2 used", b"3 young"]);
    store.date_back(b"1 old", 9);
    store.date_back(b"2 used", 9);
    store.make_due();
    let mut backend = store.session(&[]);
    assert_eq!(backend.get(1, b'2')["Size"], 6);
    assert_eq!(backend.end(), (Some(0), String::new(), String::new()), "it says nothing");
    assert!(!store.body(b"1 old").exists() && !store.is_due());
    store.verify();
    let mut backend = store.session(&[]);
    assert_eq!(backend.get(1, b'1')["Miss"], true);
    assert_eq!((&backend.get(2, b'2')["Size"], &backend.get(3, b'3')["Size"]), (&6.into(), &7.into()));
    backend.end();
}

#[test]
fn a_store_that_is_too_large_loses_the_least_recently_used() {
    let bodies: Vec<Vec<u8>> = (1..=4).map(|n| vec![n; 1000]).collect();
    let store = Store::with(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for body in &bodies[..3] {
        store.date_back(body, 1 + u32::from(body[0]));
    }
    store.make_due();
    store.session(&["--max-size", "3K"]).end();
    let stay: Vec<_> = bodies.iter().map(|body| store.body(body).exists()).collect();
    assert_eq!(stay, [true, false, false, true]);
    store.make_due();
    store.session(&["--max-size", "1", "--max-age", "1"]).end();
    assert!(store.body(&bodies[3]).exists(), "what came in the last day stays in any case");
    store.verify();
}

#[test]
fn limits_can_be_lifted() {
    let store = Store::with(&[b"1 old"]);
    store.date_back(b"1 old", 1000);
    store.make_due();
    store.session(&["--max-size", "0", "--max-age", "0"]).end();
    assert!(store.body(b"1 old").exists() && !store.is_due());
    let refused = store.run(&["--max-size", "10X"]);
    assert!(!refused.status.success() && common::stderr(&refused).contains("or 10G"), "{refused:?}");
}

#[test]
fn trimming_works_beside_a_session_that_lives_and_keeps_what_it_handed_out() {
    let store = Store::with(&[b"1 old", b"2 used", b"3 young", b"4 old"]);
    for body in [&b"1 old"[..], b"2 used", b"4 old"] {
        store.date_back(body, 9);
    }
    let mut living = store.session(&[]);
    assert_eq!(living.get(1, b'2')["DiskPath"], store.body(b"2 used").to_str().unwrap());
    let put = living.put(2, 5, b"5 put");
    let trimmed = store.trim(&[]);
    assert!(trimmed.status.success(), "{trimmed:?}");
    let bodies = [&b"1 old"[..], b"2 used", b"3 young", b"4 old"].map(|body| store.body(body).exists());
    assert_eq!(bodies, [false, true, true, false]);
    assert!(Path::new(put["DiskPath"].as_str().unwrap()).exists());
    assert_eq!(living.get(3, b'1')["Miss"], true);
    assert_eq!((&living.get(4, b'2')["Size"], &living.get(5, b'3')["Size"]), (&6.into(), &7.into()));
    assert_eq!(living.put(6, b'1', b"1 again")["Size"], 7);
    // The end of another session trims too.
    store.date_back(b"3 young", 9);
    store.make_due();
    store.session(&[]).end();
    assert!(!store.is_due() && store.body(b"2 used").exists());
    assert_eq!(living.get(7, b'1')["Size"], 7);
    living.end();
    store.verify();
    let mut next = store.session(&[]);
    let sizes = [b'1', b'2', 5].map(|n| next.get(n.into(), n)["Size"].clone());
    assert_eq!(sizes, [7, 6, 5]);
    next.end();
}

#[test]
fn a_session_of_an_older_version_keeps_all() {
    let store = Store::with(&[b"1 old"]);
    store.date_back(b"1 old", 9);
    let lock = File::open(store.folder().join("lock")).unwrap();
    lock.lock_shared().unwrap();
    let mut session = store.session(&[]);
    assert_eq!(session.put(1, 2, b"beside it")["Size"], 9);
    session.end();
    let refused = store.trim(&[]);
    assert!(!refused.status.success() && common::stderr(&refused).contains("in use"), "{refused:?}");
    assert!(store.body(b"1 old").exists());
    drop(lock);
    assert!(store.trim(&[]).status.success() && !store.body(b"1 old").exists());
}

#[test]
fn a_killed_session_does_not_keep_the_store() {
    let store = Store::with(&[b"1 old"]);
    store.date_back(b"1 old", 9);
    let mut killed = store.session(&[]);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert!(store.trim(&[]).status.success() && !store.body(b"1 old").exists());
}

#[test]
fn uses_are_written_once_a_day() {
    let store = Store::with(&[b"1 body", b"2 body", b"3 young"]);
    store.date_back(b"1 body", 2);
    store.date_back(b"2 body", 3);
    let put = store.index_bytes();
    let use_both = || {
        let mut backend = store.session(&[]);
        let sizes = [b'1', b'2', b'3'].map(|n| backend.get(n.into(), n)["Size"].clone());
        assert_eq!(sizes, [6, 6, 7]);
        backend.end();
        store.index_bytes()
    };
    assert_eq!(use_both(), put + 2 * 48);
    assert_eq!(use_both(), put + 2 * 48);
}

#[test]
fn trim_tells_what_it_removed() {
    let store = Store::with(&[b"1 old", b"2 young"]);
    store.date_back(b"1 old", 4);
    let out = |flags: &[&str]| String::from_utf8(store.trim(flags).stdout).unwrap();
    let line = |removed: &str, left: &str| {
        format!("removed {removed}; {left}: what was used in the last two days does in any case\n")
    };
    assert_eq!(out(&[]), line("0 actions and 0 bodies (0 bytes)", "2 bodies (12 bytes) stay"));
    let one = line("1 action and 1 body (5 bytes)", "1 body (7 bytes) stays");
    assert_eq!(out(&["--max-age", "1"]), one);
    store.verify();
    let wrong = store.run(&["trim", "--cache-dir", "elsewhere"]);
    assert!(!wrong.status.success() && common::stderr(&wrong).contains("elsewhere is not a store"), "{wrong:?}");
}

#[test]
fn a_kill_in_the_middle_leaves_a_store_that_works() {
    let store = Store(tempfile::tempdir().unwrap());
    let mut backend = store.session(&[]);
    let bodies: Vec<Vec<u8>> = (0..=255).flat_map(|n| (0..8u8).map(move |m| vec![n, m, 1])).collect();
    for (id, body) in (1..).zip(&bodies) {
        backend.put(id, body[0], body);
    }
    backend.end();
    let find = || std::fs::read_dir(store.folder()).unwrap().map(|file| file.unwrap().path());
    let old = || find().filter(|path| path.to_string_lossy().ends_with("-d")).collect::<Vec<_>>();
    assert_eq!(old().len(), bodies.len());
    let make_old = || {
        old().iter().for_each(|path| date_back(path, 9));
        date_back_entries(&store.folder().join("index"), None, 9);
    };
    make_old();
    let mut living = store.session(&[]);
    assert_eq!(living.get(1, bodies[7][0])["Size"], 3);
    let handed_out = store.body(&bodies[7]);
    // At each of these moments something else is half done.
    for sign in ["tmp", "index"] {
        let watched = store.folder().join(sign);
        let before = std::fs::metadata(&watched).unwrap().modified().unwrap();
        let mut trim =
            command(store.0.path(), &["trim", "--cache-dir", ".cache"]).stdout(Stdio::null()).spawn().unwrap();
        while trim.try_wait().unwrap().is_none() && std::fs::metadata(&watched).unwrap().modified().unwrap() == before {
        }
        let _ = trim.kill();
        trim.wait().unwrap();
        store.verify();
        assert!(handed_out.exists());
        let mut backend = store.session(&[]);
        assert_eq!(backend.put(1, 1, b"body")["Size"], 4);
        assert_eq!(backend.get(2, 1)["Size"], 4);
        backend.end();
        make_old();
    }
    let trimmed = store.trim(&[]);
    assert!(trimmed.status.success() && old().len() == 1, "{trimmed:?}: {}", old().len());
    living.end();
    store.verify();
}

#[test]
fn two_sessions_that_end_together_leave_a_store_that_works() {
    let store = Store::with(&[b"1 old", b"2 used"]);
    for body in [&b"1 old"[..], b"2 used"] {
        store.date_back(body, 9);
    }
    store.make_due();
    let mut sessions = [store.session(&[]), store.session(&[])];
    for (id, session) in (3..).zip(&mut sessions) {
        assert_eq!(session.get(1, b'2')["Size"], 6);
        session.put(2, id, &[id; 100]);
    }
    std::thread::scope(|scope| {
        sessions.into_iter().for_each(|session| {
            scope.spawn(move || assert_eq!(session.end().0, Some(0)));
        });
    });
    let mut backend = store.session(&[]);
    let sizes = [b'2', 3, 4].map(|n| backend.get(n.into(), n)["Size"].clone());
    assert_eq!(sizes, [6, 100, 100]);
    backend.end();
    assert!(store.trim(&[]).status.success() && !store.body(b"1 old").exists());
    store.verify();
}

#[test]
fn a_folder_of_the_users_keeps_all_and_gets_a_subfolder() {
    let home = tempfile::tempdir().unwrap();
    let theirs = home.path().join("tmp/other.db");
    std::fs::create_dir(home.path().join("tmp")).unwrap();
    std::fs::write(&theirs, "mine").unwrap();
    date_back(&theirs, 100);
    let arguments = ["--cache-dir", home.path().to_str().unwrap()];
    let mut backend = Backend::start(home.path(), &[&arguments[..], &["--no-records", "--quiet"]].concat());
    let put = backend.put(1, 1, b"body");
    assert!(put["DiskPath"].as_str().unwrap().starts_with(home.path().join("cacheprog").to_str().unwrap()), "{put}");
    assert_eq!(backend.end(), (Some(0), String::new(), String::new()), "it says nothing");
    for name in ["verify", "trim", "clean"] {
        let done = command(home.path(), &[&[name], &arguments[..]].concat()).output().unwrap();
        assert!(done.status.success(), "{name}: {done:?}");
    }
    let mut names: Vec<_> =
        std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        (names, std::fs::read_to_string(theirs).unwrap()),
        (vec!["cacheprog".into(), "tmp".into()], "mine".into())
    );
}

#[test]
fn clean_empties_the_store_but_for_what_a_session_uses() {
    let store = Store::with(&[b"1 old", b"2 used"]);
    store.date_back(b"1 old", 9);
    std::fs::write(store.folder().join("photo.jpg"), "mine").unwrap();
    let clean = |flags: &[&str]| {
        let folder: &[&str] = if flags.contains(&"--cache-dir") { &[] } else { &["--cache-dir", ".cache"] };
        let cleaned = store.run(&[&["clean"], folder, flags].concat());
        (cleaned.status.success(), String::from_utf8(cleaned.stdout.clone()).unwrap(), common::stderr(&cleaned))
    };
    let mut living = store.session(&[]);
    assert_eq!(living.get(1, b'2')["Size"], 6);
    let (is_empty, out, err) = clean(&[]);
    assert!(!is_empty && out.starts_with("removed 1 file (5 bytes) from .cache\n"), "{out}{err}");
    assert!(err.contains("error: 1 file (6 bytes) of the last two days stay") && err.contains("--force"), "{err}");
    assert!(store.body(b"2 used").exists());
    living.end();
    let (is_empty, out, err) = clean(&[]);
    assert!(is_empty && out.contains("removed 2 files") && out.contains("did not make: photo.jpg"), "{out}{err}");
    assert!(!store.body(b"2 used").exists() && store.folder().join("photo.jpg").exists());
    store.verify();
    let mut next = store.session(&[]);
    assert_eq!(next.get(1, b'2')["Miss"], true);
    assert_eq!(next.put(2, 3, b"new")["Size"], 3);
    assert!(clean(&["--force"]).0 && !store.body(b"new").exists());
    assert_eq!(next.put(3, 4, b"later")["Size"], 5);
    next.end();
    assert_eq!(store.session(&[]).get(1, 4)["Size"], 5);
    let (is_empty, out, err) = clean(&["--cache-dir", ".", "--force"]);
    assert!(is_empty && out.starts_with("there is no store in ./cacheprog\n"), "{out}{err}");
    assert!(store.folder().exists(), "not what is in a folder of others");
}

#[test]
fn a_file_in_place_of_the_store_costs_one_build() {
    let workspace = Workspace::of_libraries();
    let tmp = workspace.path().join("tmp");
    std::fs::write(workspace.store(), "mine").unwrap();
    let (first, said) = workspace.compile(&mut workspace.go("", &LIST));
    let line = said.lines().find(|line| line.starts_with("cacheprog: ")).unwrap();
    assert!(line.contains("cannot write to") && line.contains("--cache-dir or CACHEPROG_CACHE_DIR"), "{said}");
    let (second, _) = workspace.compile(&mut workspace.go("", &LIST));
    assert!(first == second && workspace.last_session()["puts"] == 0, "{}", workspace.last_session());
    assert_eq!(std::fs::read_to_string(workspace.store()).unwrap(), "mine");
    let private: Vec<_> = std::fs::read_dir(&tmp).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(private.len(), 1, "{private:?}");
    assert!(private[0].join("store/cacheprog-store").is_file());
}

/// Runs go where `$STORE` is another disk, which `mount` makes; `None` where this machine lets no user mount.
fn go_with_disk(workspace: &Workspace, mount: &str) -> Option<Output> {
    let is_allowed = Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs -o size=1m small /mnt"]).output();
    if !is_allowed.is_ok_and(|output| output.status.success()) {
        println!("not tried: this machine lets no user mount a disk");
        return None;
    }
    let go = workspace.go("", &LIST);
    let mut command = Command::new("unshare");
    let script = format!("{mount} && \"$@\" && \"$@\"");
    command.args(["-rm", "sh", "-c", &script, "sh"]).arg(go.get_program()).args(go.get_args());
    command.envs(go.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("STORE", workspace.store()).current_dir(workspace.module());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(output)
}

#[test]
fn a_store_on_a_read_only_disk_gives_hits() {
    let workspace = Workspace::of_libraries();
    workspace.compile(&mut workspace.go("", &LIST));
    // What is new goes to the place of the store, and the second build finds it there.
    std::fs::write(workspace.module().join("p0/new.go"), "package p0\n\nvar New = 1\n").unwrap();
    let mount = "mount --bind \"$STORE\" \"$STORE\" && mount -o remount,ro,bind \"$STORE\"";
    let Some(output) = go_with_disk(&workspace, mount) else { return };
    let lines = common::stderr(&output).lines().filter(|line| line.contains("cannot write to")).count();
    assert_eq!(lines, 2, "one a session: {output:?}");
    let (puts, hits) = puts_and_hits(&workspace);
    assert!(puts[1] > 0 && puts[1] < puts[0] && puts[2] == 0, "{puts:?}");
    assert!(hits[1] > 0 && hits[2] > hits[1], "{hits:?}");
}

#[test]
fn a_store_on_a_disk_that_is_full_costs_one_build() {
    let workspace = Workspace::of_libraries();
    std::fs::create_dir(workspace.store()).unwrap();
    let mount = "mount -t tmpfs -o size=64k small \"$STORE\" && ! cat /dev/zero 2>/dev/null >\"$STORE/full\"";
    let Some(output) = go_with_disk(&workspace, mount) else { return };
    assert!(common::stderr(&output).contains("No space left"), "{output:?}");
    let (puts, _) = puts_and_hits(&workspace);
    assert!(puts[0] > 0 && puts[1] == 0, "{puts:?}");
}

/// Of all sessions, in the order in which they began.
fn puts_and_hits(workspace: &Workspace) -> (Vec<u64>, Vec<u64>) {
    let folders = common::sessions(&workspace.path().join("metrics"));
    let sessions: Vec<_> = folders.iter().map(|folder| common::read_session(folder)).collect();
    let all = |name: &str| sessions.iter().map(|session| session[name].as_u64().unwrap()).collect();
    (all("puts"), all("hits_local"))
}
