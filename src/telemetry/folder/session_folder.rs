//! Where a session's records go: a folder of its own, locked while the session lives, and the plain names as links.

use std::fs::{File, create_dir_all};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::telemetry::folder::retention::{
    Keep, LOCK_FILE, Removed, UNFINISHED, is_made_again, is_seen_by_git, make_sessions_folder, remove_old_sessions,
    remove_sessions, session_in,
};
use crate::telemetry::model::clock::Clock;

/// A link in the session's folder until it has its plain name.
const UNFINISHED_LINK: &str = ".link";
/// Below a folder that was given: one folder for each session of a go that was started by what the first go ran.
pub const INSIDE: &str = "inside";
/// The names that Step 2.5 of the workshop opens, and those beside them.
const PLAIN_NAMES: [&str; 14] = [
    "stdin.txt",
    "stdout.txt",
    "trace.json",
    "request.txt",
    "latency.hlog",
    "pprof/cpu.pprof",
    "pprof/cpu.svg",
    "pprof/cpu.txt",
    "pprof/fg.prof",
    "pprof/fg.svg",
    "pprof/fg-background.svg",
    "pprof/mem.pprof",
    "pprof/mem.svg",
    "pprof/mem-alloc.svg",
];

/// Records that a session may lack although it has the second of the pair: a link to the first would lead to another session.
const MAY_LACK: [(&str, &str); 3] = [
    ("pprof/cpu.svg", "pprof/cpu.txt"),
    ("pprof/cpu.txt", "pprof/cpu.svg"),
    ("pprof/fg-background.svg", "pprof/fg.svg"),
];

/// The folder of one session.
pub struct SessionFolder {
    path: PathBuf,
    /// The metrics folder that plain names are linked in; `None` when somebody else manages the folder.
    links_in: Option<PathBuf>,
    /// Plain names are linked also where git would show them.
    links_in_sight_of_git: bool,
    _lock: File,
}

impl SessionFolder {
    /// A new folder below `metrics`, so that two backends at once never write to one file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_below(metrics: &Path, clock: &Clock) -> io::Result<Self> {
        if make_folder(metrics)? || is_made_again(metrics) {
            crate::config::folders::ignore_in_git(metrics);
        }
        let start = jiff::Timestamp::from_nanosecond(clock.start_unix_ns().into()).unwrap_or_default();
        let name = format!("{}-{}", start.strftime("%Y%m%dT%H%M%S%.3fZ"), std::process::id());
        let (path, lock) = new_folder(&make_sessions_folder(metrics)?, &name)?;
        Ok(Self { _lock: lock, path, links_in: Some(metrics.to_owned()), links_in_sight_of_git: false })
    }

    /// Lets the plain names be linked also where git would show them: for a user who asked for them in this place.
    pub fn link_in_sight_of_git(mut self) -> Self {
        self.links_in_sight_of_git = true;
        self
    }

    /// A folder that the caller has made; while a session has it, others get folders below it: a test may run go, and
    /// `go test -coverprofile` does.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn use_given(path: &Path) -> io::Result<Self> {
        let (path, lock) = match lock(path) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let inside = path.join(INSIDE);
                create_dir_all(&inside)?;
                new_folder(&inside, &std::process::id().to_string())?
            }
            locked => (path.to_owned(), locked?),
        };
        Ok(Self { _lock: lock, path, links_in: None, links_in_sight_of_git: false })
    }

    /// Path of a record; its folder is made.
    pub fn file(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            let _ = create_dir_all(folder);
        }
        path
    }

    /// Removes the records of the oldest ended sessions beside this one, and the plain names that led to them.
    pub fn remove_old_sessions(&self, keep: Keep) {
        let Some(metrics) = &self.links_in else { return };
        // Records that stay harm no build.
        if remove_old_sessions(metrics, keep).is_ok_and(|removed| removed.sessions > 0) {
            unlink_plain_names(metrics);
        }
    }

    /// True if the link `plain` leads to a session that started after this one: names begin with the start.
    fn is_older_than(&self, plain: &Path) -> bool {
        let Ok(target) = std::fs::read_link(plain) else { return false };
        session_in(&target).zip(session_in(&self.path)).is_some_and(|(linked, own)| own < linked)
    }

    /// Lets the plain names point to the records that this session has so far, unless a session that started later has
    /// them. The others stay with the last session that took them. A file of the user's under such a name is left alone,
    /// and a folder that git looks into gets none unless [`Self::link_in_sight_of_git`] was asked for.
    pub fn link_plain_names(&self) {
        let Some(metrics) = &self.links_in else { return };
        if !self.links_in_sight_of_git && is_seen_by_git(metrics) {
            return;
        }
        for name in PLAIN_NAMES {
            let plain = metrics.join(name);
            if !is_users(&plain) && !self.is_older_than(&plain) && self.path.join(name).exists() {
                // A link that cannot be made leaves the record in the session's own folder.
                let _ = link(metrics, &plain, name, &self.path);
            }
        }
        for (name, other) in MAY_LACK {
            let plain = metrics.join(name);
            let is_gone = self.path.join(other).exists() && !self.path.join(name).exists();
            if is_gone && !self.is_older_than(&plain) && !is_users(&plain) {
                // Left where it is, it only leads to an older session.
                let _ = std::fs::remove_file(&plain);
            }
        }
    }
}

/// Removes the records of all ended sessions below `metrics`, and the plain names that led to them.
///
/// # Errors
/// When the folder of the sessions cannot be read.
pub fn remove_ended_sessions(metrics: &Path) -> io::Result<Removed> {
    let removed = remove_sessions(metrics, Keep { sessions: Some(0), bytes: None })?;
    unlink_plain_names(metrics);
    Ok(removed)
}

/// Removes the plain names in `metrics` that lead to sessions whose records are gone.
fn unlink_plain_names(metrics: &Path) {
    for name in PLAIN_NAMES {
        let plain = metrics.join(name);
        if !is_users(&plain) && !plain.exists() {
            let _ = std::fs::remove_file(&plain);
        }
    }
}

/// Makes `folder` if it is missing. `false`: it was there.
fn make_folder(folder: &Path) -> io::Result<bool> {
    if folder.is_dir() { Ok(false) } else { create_dir_all(folder).map(|()| true) }
}

/// True if something that is no link of ours has this name.
fn is_users(plain: &Path) -> bool {
    match std::fs::read_link(plain) {
        Ok(target) => session_in(&target).is_none(),
        Err(_) => plain.symlink_metadata().is_ok(),
    }
}

/// A folder with a new name (two containers may have the same time and process number), and its lock, which it has before
/// that name.
fn new_folder(parent: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let unfinished = parent.join(format!("{UNFINISHED}{}-{:08x}", std::process::id(), fastrand::u32(..)));
    std::fs::create_dir(&unfinished)?;
    let named = lock(&unfinished).and_then(|lock| Ok((name_folder(&unfinished, parent, name)?, lock)));
    named.inspect_err(|_| {
        // There are file systems without locks: each session would leave one.
        let _ = std::fs::remove_dir_all(&unfinished);
    })
}

fn name_folder(unfinished: &Path, parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut path = parent.join(name);
    loop {
        match std::fs::rename(unfinished, &path) {
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty) => {
                path = parent.join(format!("{name}-{:08x}", fastrand::u32(..)));
            }
            other => return other.map(|()| path),
        }
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    let file = File::create(folder.join(LOCK_FILE))?;
    // go waits for its first answer: never wait for a lock here.
    file.try_lock()?;
    Ok(file)
}

fn link(metrics: &Path, plain: &Path, name: &str, session: &Path) -> io::Result<()> {
    create_dir_all(plain.parent().unwrap_or(metrics))?;
    let up = if name.contains('/') { "../" } else { "" };
    let below = session.strip_prefix(metrics).unwrap_or(session);
    let target = Path::new(up).join(below).join(name);
    // In the session's own folder: what a kill leaves there is in no other session's way, and goes with the session.
    let temporary = session.join(UNFINISHED_LINK);
    symlink(target, &temporary)?;
    std::fs::rename(&temporary, plain).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_point_to_the_last_session() {
        let metrics = tempfile::tempdir().unwrap();
        for text in ["first", "second"] {
            let folder = SessionFolder::create_below(metrics.path(), &Clock::start()).unwrap();
            std::fs::write(folder.file("pprof/cpu.svg"), text).unwrap();
            std::fs::write(folder.file("trace.json"), text).unwrap();
            folder.link_plain_names();
            for name in ["pprof/cpu.svg", "trace.json"] {
                assert_eq!(std::fs::read_to_string(metrics.path().join(name)).unwrap(), text);
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        SessionFolder::create_below(metrics.path(), &Clock::start()).unwrap().link_plain_names();
        let kept = std::fs::read_to_string(metrics.path().join("pprof/cpu.svg")).unwrap();
        assert_eq!(kept, "second", "a session without a profile leaves the last one's name");
        let sessions = std::fs::read_dir(metrics.path().join("sessions")).unwrap();
        assert_eq!(sessions.filter(|entry| entry.as_ref().unwrap().path().join(LOCK_FILE).exists()).count(), 3);
    }

    #[test]
    fn a_session_too_short_for_a_picture_does_not_leave_that_of_another() {
        let metrics = tempfile::tempdir().unwrap();
        for name in ["pprof/cpu.svg", "pprof/cpu.txt"] {
            let folder = SessionFolder::create_below(metrics.path(), &Clock::start()).unwrap();
            std::fs::write(folder.file(name), name).unwrap();
            folder.link_plain_names();
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(!metrics.path().join("pprof/cpu.svg").is_symlink());
        assert_eq!(std::fs::read_to_string(metrics.path().join("pprof/cpu.txt")).unwrap(), "pprof/cpu.txt");
    }

    #[test]
    fn a_session_that_ends_late_leaves_the_names_to_one_that_started_after_it() {
        let metrics = tempfile::tempdir().unwrap();
        let first = SessionFolder::create_below(metrics.path(), &Clock::start()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = SessionFolder::create_below(metrics.path(), &Clock::start()).unwrap();
        for (folder, text) in [(&second, "second"), (&first, "first")] {
            std::fs::write(folder.file("trace.json"), text).unwrap();
            folder.link_plain_names();
        }
        assert_eq!(std::fs::read_to_string(metrics.path().join("trace.json")).unwrap(), "second");
    }

    #[test]
    fn a_file_of_the_users_is_left_alone() {
        let metrics = tempfile::tempdir().unwrap();
        std::fs::write(metrics.path().join("trace.json"), "mine").unwrap();
        let folder = SessionFolder::create_below(metrics.path(), &Clock::start()).unwrap();
        std::fs::write(folder.file("trace.json"), "ours").unwrap();
        folder.link_plain_names();
        assert_eq!(std::fs::read_to_string(metrics.path().join("trace.json")).unwrap(), "mine");
    }

    #[test]
    fn the_lock_tells_whether_the_session_lives() {
        let metrics = tempfile::tempdir().unwrap();
        let folder = SessionFolder::use_given(metrics.path()).unwrap();
        let inside = SessionFolder::use_given(metrics.path()).unwrap();
        assert!(inside.path.starts_with(metrics.path().join(INSIDE)), "{}", inside.path.display());
        let other = File::open(metrics.path().join(LOCK_FILE)).unwrap();
        assert!(other.try_lock().is_err());
        drop(folder);
        assert!(other.try_lock().is_ok());
    }
}
