//! Joins requests and answers: the requests of the records, and what the program did that the protocol does not allow.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use gocacheprog::protocol::{ActionId, Command, OutputId, Request};
use gocacheprog::telemetry::{Answer, Drawing, Outcome, ProgramSeen, Recorder, RequestKind, Times};

use crate::tap::answer::WireAnswer;
use crate::tap::answer_stream::{Sent, TimedAnswer};
use crate::tap::request_stream::{Block, RequestFrame};
use crate::tap::tracks::{Change, Track, Tracks};

/// A time in which stdin was full is drawn from this length on: shorter ones are the pace of any body.
const SHORTEST_BLOCK_NS: u64 = 100_000;
/// Changes younger than this are not drawn yet: one of another thread may still have to go before them.
const HOLD_NS: u64 = 50_000_000;

/// A request that go waits for.
struct Open {
    /// Its place among all requests.
    place: u64,
    command: Command,
    frame: RequestFrame,
}

/// All that has been said so far.
pub struct Conversation {
    recorder: Arc<Recorder>,
    open: HashMap<i64, Open>,
    /// The places of those.
    places: BTreeSet<u64>,
    requests: u64,
    /// Answers whose request has not been seen: its bytes may still be on their way to us.
    early: Vec<TimedAnswer>,
    put: HashSet<ActionId>,
    tracks: Tracks,
    pub seen: ProgramSeen,
}

impl Conversation {
    /// A conversation whose requests go to `recorder`.
    pub fn new(recorder: Arc<Recorder>, seen: ProgramSeen) -> Self {
        Self {
            recorder,
            open: HashMap::new(),
            places: BTreeSet::new(),
            requests: 0,
            early: Vec::new(),
            put: HashSet::new(),
            tracks: Tracks::default(),
            seen,
        }
    }

    /// Takes in requests, and what the program sent. Requests may come later than their answers.
    pub fn take(&mut self, (frames, blocks): (Vec<RequestFrame>, Vec<Block>), sent: Vec<Sent>) {
        blocks.iter().for_each(|block| self.draw_block(block));
        frames.into_iter().for_each(|frame| self.request(frame));
        for answer in std::mem::take(&mut self.early) {
            self.answer(answer);
        }
        for sent in sent {
            match sent {
                Sent::Answer(answer) => self.answer(answer),
                Sent::Stray(line) => {
                    self.seen.stray_lines += 1;
                    self.seen.first_stray_line.get_or_insert(line);
                }
            }
        }
    }

    /// Draws the tracks as far as they are known.
    pub fn draw(&mut self, is_end: bool, drawing: Option<&Drawing>) {
        let now_ns = self.recorder.clock().now_ns();
        self.tracks.draw(if is_end { u64::MAX } else { now_ns.saturating_sub(HOLD_NS) }, drawing);
        self.seen.most_open = self.tracks.most_open;
    }

    /// Counts what stays open: nothing more comes.
    pub fn end(&mut self) {
        self.seen.unanswered = self.open.len() as u64;
        self.seen.unknown_ids = self.early.len() as u64;
        self.seen.first_unknown_id = self.early.first().map(|early| early.answer.id);
    }

    fn request(&mut self, frame: RequestFrame) {
        let Ok(request) = Request::parse(&frame.header) else {
            self.seen.unreadable_requests += 1;
            return;
        };
        self.recorder.request(frame.first_ns, &request);
        self.tracks.note(frame.first_ns, Track::Open, Change::By(1));
        self.tracks.note(frame.first_ns, Track::Unread, Change::To(frame.unread_before));
        self.requests += 1;
        match request.command {
            Command::Put { action, .. } => drop(self.put.insert(action)),
            Command::Close => self.seen.close_ns = Some(frame.first_ns),
            Command::Get { .. } | Command::Unknown { .. } => {}
        }
        self.places.insert(self.requests);
        let open = Open { place: self.requests, command: request.command, frame };
        if let Some(lost) = self.open.insert(request.id, open) {
            self.places.remove(&lost.place);
        }
    }

    fn answer(&mut self, timed: TimedAnswer) {
        let Some(open) = self.open.remove(&timed.answer.id) else {
            return self.without_request(timed);
        };
        self.tracks.note(timed.written_ns, Track::Open, Change::By(-1));
        self.places.remove(&open.place);
        if self.places.first().is_some_and(|oldest| *oldest < open.place) {
            self.seen.out_of_order += 1;
            self.tracks.note(timed.written_ns, Track::OutOfOrder, Change::To(self.seen.out_of_order));
        }
        let answer = self.joined(open, &timed);
        if answer.kind == RequestKind::Close {
            self.seen.close_answered_ns = Some(timed.written_ns);
        }
        self.recorder.answer(answer);
    }

    /// The handshake, which answers nothing, or what may be an answer to nothing.
    fn without_request(&mut self, timed: TimedAnswer) {
        if timed.answer.id == 0 && self.seen.handshake_ns.is_none() {
            self.seen.handshake_ns = Some(timed.written_ns);
            self.seen.known_commands = timed.answer.known_commands;
        } else {
            self.early.push(timed);
        }
    }

    fn joined(&mut self, open: Open, timed: &TimedAnswer) -> Answer {
        let (kind, action, put) = match open.command {
            Command::Get { action } => (RequestKind::Get, Some(action), None),
            Command::Put { action, output, body_bytes } => (RequestKind::Put, Some(action), Some((output, body_bytes))),
            Command::Close => (RequestKind::Close, None, None),
            Command::Unknown { .. } => (RequestKind::Unknown, None, None),
        };
        let is_foreign = action.is_some_and(|action| !self.put.contains(&action));
        let answered = &timed.answer;
        self.note_path(kind, answered);
        let (outcome, error) = outcome(kind, answered, is_foreign);
        let (output, bytes) = found(outcome, answered, put).unzip();
        let times = times(&open.frame, timed);
        Answer { id: answered.id, kind, action, output: output.flatten(), bytes, outcome, error, times }
    }

    fn note_path(&mut self, kind: RequestKind, answered: &WireAnswer) {
        let has_result = matches!(kind, RequestKind::Get | RequestKind::Put) && !answered.is_miss;
        if !has_result || !answered.err.is_empty() {
            return;
        }
        if answered.disk_path.is_empty() {
            self.seen.without_disk_path += 1;
        } else if Path::new(&answered.disk_path).is_relative() {
            self.seen.relative_disk_paths += 1;
            self.seen.first_relative_disk_path.get_or_insert_with(|| answered.disk_path.clone());
        }
    }

    fn draw_block(&mut self, block: &Block) {
        if block.to_ns.saturating_sub(block.from_ns) >= SHORTEST_BLOCK_NS {
            self.tracks.note(block.from_ns, Track::Blocked, Change::To(block.bytes));
            self.tracks.note(block.to_ns, Track::Blocked, Change::To(0));
        }
    }
}

/// The outcome as go takes it, with the reason of an error.
fn outcome(kind: RequestKind, answered: &WireAnswer, is_foreign: bool) -> (Outcome, Option<String>) {
    if !answered.err.is_empty() {
        return (Outcome::Error, Some(answered.err.clone()));
    }
    let needs_path = matches!(kind, RequestKind::Get | RequestKind::Put);
    let outcome = match kind {
        RequestKind::Get if answered.is_miss => Outcome::Miss,
        _ if needs_path && answered.disk_path.is_empty() => {
            return (Outcome::Error, Some("an answer without DiskPath".to_owned()));
        }
        RequestKind::Get => Outcome::Hit { is_foreign },
        RequestKind::Put => Outcome::Stored,
        RequestKind::Close | RequestKind::Unknown => Outcome::Closed,
    };
    (outcome, None)
}

/// Output and size of what was found or stored. Its output, where the program names none, is not known.
fn found(outcome: Outcome, answered: &WireAnswer, put: Option<(OutputId, u64)>) -> Option<(Option<OutputId>, u64)> {
    match (outcome, put) {
        (Outcome::Stored, Some((output, bytes))) => Some((Some(output), bytes)),
        (Outcome::Hit { .. }, _) => Some((answered.output, answered.size)),
        _ => None,
    }
}

/// The stages as far as they can be told from outside, each not before the last.
fn times(frame: &RequestFrame, timed: &TimedAnswer) -> Times {
    // The program may answer before the thread that wrote to it has looked at the clock.
    let started_ns = frame.header_ns.clamp(frame.first_ns, timed.read_ns.max(frame.first_ns));
    let body_ns = frame.end_ns.clamp(started_ns, timed.read_ns.max(started_ns));
    let local_ns = timed.read_ns.max(body_ns);
    Times {
        arrived_ns: frame.first_ns,
        started_ns,
        body_ns,
        body_waited_ns: (body_ns - started_ns).saturating_sub(frame.body_blocked_ns),
        kept_ns: frame.unread_ns.min(local_ns - frame.first_ns),
        is_outside: true,
        local_ns,
        decided_ns: local_ns,
        answered_ns: timed.written_ns.max(local_ns),
    }
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
