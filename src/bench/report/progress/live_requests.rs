//! The requests of the session that runs, from the request log that its backend writes once a second. Only what was added is read,
//! at most twice a second.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressState, style::ProgressTracker};

/// The shortest time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_millis(450);

/// The requests of a session as a part of a line on the terminal; all clones show the same session.
#[derive(Debug, Clone, Default)]
pub struct LiveRequests(Arc<Mutex<Option<Followed>>>);

/// A log that grows.
#[derive(Debug)]
struct Followed {
    path: PathBuf,
    /// None before there is one.
    file: Option<File>,
    /// The start of a line whose end was not written yet.
    rest: Vec<u8>,
    seen: Seen,
    looked: Option<Instant>,
}

/// The counts of the lines so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    gets: u64,
    hits: u64,
    misses: u64,
    asked: u64,
    answered: u64,
}

impl LiveRequests {
    /// Follows this log from now on, or none.
    pub fn follow(&self, log: Option<PathBuf>) {
        let followed = |path| Followed { path, file: None, rest: Vec::new(), seen: Seen::default(), looked: None };
        *self.followed() = log.map(followed);
    }

    fn followed(&self) -> MutexGuard<'_, Option<Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgressTracker for LiveRequests {
    fn clone_box(&self) -> Box<dyn ProgressTracker> {
        Box::new(self.clone())
    }

    fn tick(&mut self, _state: &ProgressState, now: Instant) {
        if let Some(followed) = self.followed().as_mut() {
            followed.look(now);
        }
    }

    fn reset(&mut self, _state: &ProgressState, _now: Instant) {}

    fn write(&self, _state: &ProgressState, text: &mut dyn Write) {
        if let Some(words) = self.followed().as_ref().and_then(|followed| followed.seen.words()) {
            let _ = write!(text, " · {words}");
        }
    }
}

impl Followed {
    fn look(&mut self, now: Instant) {
        if self.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return };
        // What cannot be read is not shown; the records are checked when the round has ended.
        let _ = file.read_to_end(&mut self.rest);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        String::from_utf8_lossy(&lines).lines().for_each(|line| self.seen.add(line));
    }
}

impl Seen {
    /// Counts a line of the log, as `gocacheprog::telemetry` writes it; go's close is left out.
    fn add(&mut self, line: &str) {
        let mut words = line.split(' ').skip(1);
        let [direction, _id, kind, outcome] = std::array::from_fn(|_| words.next().unwrap_or_default());
        match (direction, kind) {
            (_, "close") => {}
            ("->", kind) => {
                self.asked += 1;
                self.gets += u64::from(kind == "get");
            }
            ("<-", kind) => {
                self.answered += 1;
                self.hits += u64::from((kind, outcome) == ("get", "hit"));
                self.misses += u64::from((kind, outcome) == ("get", "miss"));
            }
            _ => {}
        }
    }

    /// None before the first get.
    fn words(&self) -> Option<String> {
        let answered = self.hits + self.misses;
        let rate = (answered > 0).then(|| format!(", {:.0} % hits", 100.0 * self.hits as f64 / answered as f64));
        let open = self.asked.saturating_sub(self.answered);
        (self.gets > 0).then(|| format!("{} gets{}, {open} open", self.gets, rate.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn look(requests: &LiveRequests, after: u64) -> Option<String> {
        let mut followed = requests.followed();
        let followed = followed.as_mut().unwrap();
        followed.look(Instant::now() + Duration::from_secs(after));
        followed.seen.words()
    }

    #[test]
    fn what_is_added_to_the_log_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("request.txt");
        let requests = LiveRequests::default();
        requests.follow(Some(path.clone()));
        assert_eq!(look(&requests, 0), None, "there is no log yet");
        let mut log = File::create(&path).unwrap();
        log.write_all(b"# cacheprog request log, version 2\n000000.1 -> 1 get action=A\n000000.1 -> 2 get act")
            .unwrap();
        assert_eq!(look(&requests, 1).as_deref(), Some("1 gets, 1 open"));
        log.write_all(b"ion=B\n000000.2 <- 1 get hit source=local\n000000.2 <- 2 get miss took_ns=1\n").unwrap();
        log.write_all(b"000000.3 -> 3 put action=B\n000000.4 -> 4 close\n").unwrap();
        assert_eq!(look(&requests, 2).as_deref(), Some("2 gets, 50 % hits, 1 open"));
        assert_eq!(look(&requests, 3).as_deref(), Some("2 gets, 50 % hits, 1 open"));
    }

    #[test]
    fn the_file_is_looked_at_twice_a_second_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("request.txt");
        std::fs::write(&path, "# log\n").unwrap();
        let requests = LiveRequests::default();
        requests.follow(Some(path.clone()));
        let now = Instant::now();
        let mut followed = requests.followed();
        let followed = followed.as_mut().unwrap();
        followed.look(now);
        std::fs::write(&path, "# log\n000000.1 -> 1 get action=A\n").unwrap();
        followed.look(now + LOOK_EVERY / 2);
        assert_eq!(followed.seen, Seen::default());
        followed.look(now + LOOK_EVERY);
        assert_eq!(followed.seen.gets, 1);
    }
}
