//! The wall-clock profile of a session, what fgprof is to Go: exact sums by span, no samples. `pprof/fg.prof` has all;
//! `pprof/fg.svg` draws the requests that go waited for, `pprof/fg-background.svg` the work beside them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;

use pprof::protos::{Message, Profile};

use crate::telemetry::folder::session_folder::SessionFolder;
use crate::telemetry::model::answer::{Answer, REQUEST};
use crate::telemetry::model::clock::Clock;
use crate::telemetry::profile::pprof_file::Builder;

/// Time spent below one path of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Spans that have ended.
    pub count: u64,
    /// From begin to end of each, nanoseconds.
    pub wall_ns: u64,
    /// The part of `wall_ns` in which a thread worked on it; the rest it was waiting. Not CPU time: the system may have given
    /// the core to another thread.
    pub busy_ns: u64,
}

/// Sums by path of span names, outermost first.
#[derive(Clone, Debug, Default)]
pub struct WallProfile {
    sums: BTreeMap<Vec<&'static str>, Spent>,
}

impl Spent {
    /// One span of which so much was waiting.
    fn of(wall_ns: u64, idle_ns: u64) -> Self {
        Self { count: 1, wall_ns, busy_ns: wall_ns.saturating_sub(idle_ns) }
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.wall_ns += other.wall_ns;
        self.busy_ns += other.busy_ns;
    }
}

impl WallProfile {
    /// Adds what one span, or several, of this path took.
    pub fn add(&mut self, path: &[&'static str], spent: Spent) {
        match self.sums.get_mut(path) {
            Some(sum) => sum.add(spent),
            None => {
                self.sums.insert(path.to_vec(), spent);
            }
        }
    }

    /// Adds a request and its local stages. What it waited for in between has spans of its own.
    pub fn add_request(&mut self, answer: &Answer) {
        let (kind, took_ns) = (answer.kind.name(), answer.times.took_ns());
        // A close waits for uploads where others wait for the remote.
        let [queue_ns, _, _, waited_ns, _] = answer.times.stages_ns();
        let body_waited_ns = answer.times.body_waited_ns;
        self.add(&[REQUEST, kind], Spent::of(took_ns, queue_ns + body_waited_ns + waited_ns));
        for (stage, from_ns, to_ns) in answer.stages() {
            let wall_ns = to_ns.saturating_sub(from_ns);
            let idle_ns = match stage {
                "queue" => wall_ns,
                "body" => body_waited_ns,
                _ => 0,
            };
            self.add(&[REQUEST, kind, stage], Spent::of(wall_ns, idle_ns));
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (path, spent) in &other.sums {
            self.add(path, *spent);
        }
    }

    /// Time that each path spent outside of its children; never below 0.
    fn own(&self) -> BTreeMap<&[&'static str], Spent> {
        let mut own: BTreeMap<&[&'static str], Spent> =
            self.sums.iter().map(|(path, spent)| (path.as_slice(), *spent)).collect();
        for (path, spent) in &self.sums {
            let parent = &path[..path.len() - 1];
            if let Some(parent) = own.get_mut(parent) {
                parent.wall_ns = parent.wall_ns.saturating_sub(spent.wall_ns);
                parent.busy_ns = parent.busy_ns.saturating_sub(spent.busy_ns);
            }
        }
        for spent in own.values_mut() {
            spent.busy_ns = spent.busy_ns.min(spent.wall_ns);
        }
        own
    }

    #[cfg(test)]
    pub fn spent(&self, path: &[&'static str]) -> Option<Spent> {
        self.sums.get(path).copied()
    }

    /// Writes the profile and its pictures; nothing for a session without a span.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &SessionFolder, clock: &Clock) -> anyhow::Result<()> {
        if self.sums.is_empty() {
            return Ok(());
        }
        std::fs::write(folder.file("pprof/fg.prof"), self.pprof(clock).encode_to_vec())?;
        for picture in [&REQUESTS, &BACKGROUND] {
            self.flame_graph(picture, folder)?;
        }
        Ok(())
    }

    fn pprof(&self, clock: &Clock) -> Profile {
        let mut builder = Builder::default();
        for (path, spent) in self.own() {
            let values = [spent.count, spent.wall_ns, spent.busy_ns, spent.wall_ns - spent.busy_ns];
            builder.add(path, &values.map(|value| value as i64));
        }
        let mut profile = builder.finish(&SAMPLE_TYPES);
        profile.default_sample_type = profile.sample_type[WALL].ty;
        profile.time_nanos = clock.start_unix_ns() as i64;
        profile.duration_nanos = clock.now_ns() as i64;
        profile
    }

    /// Draws one picture, if it has a span of a microsecond.
    fn flame_graph(&self, picture: &Picture, folder: &SessionFolder) -> anyhow::Result<()> {
        let own = self.own().into_iter();
        let drawn: Vec<_> = own.filter(|(path, spent)| picture.shows(path) && spent.wall_ns >= NS_PER_COUNT).collect();
        if drawn.is_empty() {
            return Ok(());
        }
        let all_ns: u64 = drawn.iter().map(|(_, spent)| spent.wall_ns).sum();
        let lines = drawn.iter().map(|(path, spent)| format!("{} {}", path.join(";"), spent.wall_ns / NS_PER_COUNT));
        let lines: Vec<String> = lines.collect();
        let mut options = inferno::flamegraph::Options::default();
        options.title = picture.title.to_owned();
        options.subtitle = Some(format!("{:.3} s together: {}", all_ns as f64 / 1e9, picture.subtitle));
        options.count_name = "µs".to_owned();
        let out = BufWriter::new(File::create(folder.file(picture.file))?);
        inferno::flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), out)?;
        Ok(())
    }
}

/// A flame graph of the profile.
struct Picture {
    file: &'static str,
    title: &'static str,
    subtitle: &'static str,
    /// True for the spans of requests, false for all others.
    of_requests: bool,
}

/// Nanoseconds for one count of a picture.
const NS_PER_COUNT: u64 = 1000;
const REQUESTS: Picture = Picture {
    file: "pprof/fg.svg",
    title: "Wall clock of the requests, by span",
    subtitle: "go waited for these; requests at the same time each count in full",
    of_requests: true,
};
const BACKGROUND: Picture = Picture {
    file: "pprof/fg-background.svg",
    title: "Wall clock of the work beside the requests, by span",
    subtitle: "the time that go waited for these is in fg.svg; spans at the same time each count in full",
    of_requests: false,
};

impl Picture {
    fn shows(&self, path: &[&str]) -> bool {
        (path[0] == REQUEST) == self.of_requests
    }
}

/// The values of a sample, and their units.
const SAMPLE_TYPES: [(&str, &str); 4] =
    [("spans", "count"), ("wall", "nanoseconds"), ("busy", "nanoseconds"), ("idle", "nanoseconds")];

/// Place of the wall time among them.
const WALL: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::model::answer::{Outcome, Times};
    use crate::telemetry::model::kind::RequestKind;
    use crate::telemetry::profile::pprof_file::stacks;

    fn answer(kind: RequestKind, times: [u64; 6]) -> Answer {
        let [arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns] = times;
        let times = Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, ..Times::default() };
        Answer { id: 1, kind, action: None, output: None, bytes: None, outcome: Outcome::Miss, error: None, times }
    }

    fn two_requests() -> WallProfile {
        let mut profile = WallProfile::default();
        // 10 queued, 30 looked up, 900 waited, 60 answered.
        profile.add_request(&answer(RequestKind::Get, [1000, 1010, 1010, 1040, 1940, 2000]));
        profile.add(&["request", "get", "remote.get_meta"], Spent { count: 1, wall_ns: 850, busy_ns: 50 });
        // 5 queued, 200 of body of which go kept it waiting for 150, 90 written, 5 answered.
        let mut put = answer(RequestKind::Put, [5000, 5005, 5205, 5295, 5295, 5300]);
        put.times.body_waited_ns = 150;
        profile.add_request(&put);
        profile
    }

    #[test]
    fn what_a_path_spent_itself_is_without_its_children() {
        let profile = two_requests();
        let own = profile.own();
        let of = |path: &[&'static str]| own[path];
        assert_eq!(of(&["request", "get"]), Spent { count: 1, wall_ns: 50, busy_ns: 0 });
        assert_eq!(of(&["request", "get", "queue"]), Spent { count: 1, wall_ns: 10, busy_ns: 0 });
        assert_eq!(of(&["request", "get", "local.lookup"]), Spent::of(30, 0));
        assert_eq!(of(&["request", "get", "remote.get_meta"]), Spent { count: 1, wall_ns: 850, busy_ns: 50 });
        assert_eq!(of(&["request", "put", "body"]), Spent::of(200, 150));
        assert_eq!(of(&["request", "put", "local.write"]), Spent::of(90, 0));
        assert_eq!(of(&["request", "put"]), Spent { count: 1, wall_ns: 0, busy_ns: 0 });
    }

    #[test]
    fn own_times_add_up_to_the_time_of_the_requests() {
        let total: u64 = two_requests().own().values().map(|spent| spent.wall_ns).sum();
        assert_eq!(total, 1000 + 300);
    }

    #[test]
    fn requests_and_background_are_two_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let folder = SessionFolder::use_given(folder.path()).unwrap();
        let mut profile = WallProfile::default();
        profile.add_request(&answer(RequestKind::Get, [0, 10_000, 10_000, 40_000, 90_000, 100_000]));
        profile.write(&folder, &Clock::start()).unwrap();
        let picture = |name: &str| std::fs::read_to_string(folder.file(name));
        assert!(picture("pprof/fg-background.svg").is_err(), "nothing ran beside the requests");
        profile.add(&["prefetch", "remote.get_pack"], Spent::of(900_000, 800_000));
        profile.write(&folder, &Clock::start()).unwrap();
        let (requests, background) = (picture("pprof/fg.svg").unwrap(), picture("pprof/fg-background.svg").unwrap());
        assert!(requests.contains("local.lookup") && !requests.contains("prefetch"), "{requests}");
        assert!(background.contains("remote.get_pack") && !background.contains("local.lookup"), "{background}");
    }

    #[test]
    fn pprof_has_the_leaf_first_and_four_values() {
        let profile = two_requests().pprof(&Clock::start());
        let stacks = stacks(&profile);
        let (_, values) = stacks.iter().find(|(stack, _)| stack.last() == Some(&"remote.get_meta")).unwrap();
        assert_eq!(*values, [1, 850, 50, 800]);
        assert!(stacks.iter().any(|(stack, _)| *stack == ["request", "get", "remote.get_meta"]), "{stacks:?}");
        let types: Vec<_> = profile.sample_type.iter().map(|t| &profile.string_table[t.ty as usize]).collect();
        assert_eq!(types, ["spans", "wall", "busy", "idle"]);
    }
}
