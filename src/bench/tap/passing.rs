//! The loop that passes bytes on: it reads, writes, and only then tells of them.
//!
//! One thread does both directions. A bare relay of two threads, each blocked in a read, made a build of local hits 10 %
//! slower on two busy cores, one of one thread 5 %: the kernel wakes and moves fewer threads.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use gocacheprog::telemetry::Clock;

/// Bytes that are passed on at once: what a pipe of the usual size holds.
const BUFFER_BYTES: usize = 64 << 10;

/// The times of one piece of bytes, nanoseconds since the session's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// When it was here.
    pub read_ns: u64,
    /// When the receiver's pipe had taken it.
    pub written_ns: u64,
    /// How long that pipe was full before.
    pub blocked_ns: u64,
    /// Bytes that the receiver had not read yet when this piece came; 0 where nobody asks.
    pub unread: u64,
}

/// Why no more bytes pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The sender has ended them.
    BySender,
    /// The receiver takes no more.
    ByReceiver,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    FromGo,
    ToGo,
}

/// The two ends of one direction, and the bytes that the receiver has not taken yet.
pub struct Lane {
    direction: Direction,
    from: File,
    to: File,
    /// The flags of `to` before it was made not to block; `None` if it is no pipe, or could not be.
    flags: Option<OFlag>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    passed: Passed,
    /// Since when the receiver's pipe has been full.
    full_since_ns: Option<u64>,
}

impl Lane {
    /// A direction in which nothing has passed.
    pub fn new(direction: Direction, from: File, to: File) -> Self {
        let flags = do_not_block(&to).ok().flatten();
        let (buffer, passed) = (vec![0; BUFFER_BYTES], Passed::default());
        Self { direction, from, to, flags, buffer, start: 0, end: 0, passed, full_since_ns: None }
    }

    /// True if bytes wait for the receiver.
    fn is_full(&self) -> bool {
        self.start < self.end
    }

    /// What to wait for. The sender only while there is room, and the end of the receiver at any time.
    fn waits_for(&self) -> [Option<PollFd<'_>>; 2] {
        if self.is_full() {
            return [Some(PollFd::new(self.to.as_fd(), PollFlags::POLLOUT)), None];
        }
        let from = PollFd::new(self.from.as_fd(), PollFlags::POLLIN);
        [Some(from), Some(PollFd::new(self.to.as_fd(), PollFlags::empty()))]
    }

    /// Passes on what it can without waiting.
    fn step(
        &mut self,
        is_sender_ready: bool,
        clock: Clock,
        keep: &mut impl FnMut(Direction, &[u8], Passed),
    ) -> Option<Ended> {
        if !self.is_full() {
            if !is_sender_ready {
                return Some(Ended::ByReceiver);
            }
            match self.from.read(&mut self.buffer) {
                Ok(0) => return Some(Ended::BySender),
                Ok(length) => (self.start, self.end) = (0, length),
                Err(error) if is_passing(&error) => return None,
                Err(_) => return Some(Ended::BySender),
            }
            self.passed = Passed { read_ns: clock.now_ns(), ..Passed::default() };
            if self.direction == Direction::FromGo {
                self.passed.unread = rustix::io::ioctl_fionread(&self.to).unwrap_or(0);
            }
        }
        self.write(clock, keep)
    }

    fn write(&mut self, clock: Clock, keep: &mut impl FnMut(Direction, &[u8], Passed)) -> Option<Ended> {
        while self.is_full() {
            match self.to.write(&self.buffer[self.start..self.end]) {
                Ok(taken) => {
                    let now_ns = clock.now_ns();
                    let full_since_ns = self.full_since_ns.take();
                    self.passed.written_ns = now_ns;
                    self.passed.blocked_ns = full_since_ns.map_or(0, |since_ns| now_ns.saturating_sub(since_ns));
                    keep(self.direction, &self.buffer[self.start..self.start + taken], self.passed);
                    self.passed.unread = 0;
                    self.start += taken;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.full_since_ns.get_or_insert_with(|| clock.now_ns());
                    return None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(Ended::ByReceiver),
            }
        }
        None
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(flags) = self.flags {
            // Another process may have the same end of the pipe. An error changes nothing for us.
            let _ = fcntl(&self.to, FcntlArg::F_SETFL(flags));
        }
    }
}

/// Lets writes to a pipe fail instead of waiting. Gives the flags that it had; `None` for what is no pipe, where nothing waits for long.
fn do_not_block(to: &File) -> io::Result<Option<OFlag>> {
    let kind = to.metadata()?.file_type();
    if !kind.is_fifo() && !kind.is_socket() {
        return Ok(None);
    }
    let flags = OFlag::from_bits_retain(fcntl(to, FcntlArg::F_GETFL)?);
    fcntl(to, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(Some(flags))
}

/// True for an error after which the next try may work.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// Passes all bytes on until both directions have ended, each as soon as it can. Calls `keep` with each piece after it was taken,
/// and gives `end` a direction that has ended: dropping it closes both of its ends.
pub fn relay(
    clock: Clock,
    lanes: [Lane; 2],
    mut keep: impl FnMut(Direction, &[u8], Passed),
    mut end: impl FnMut(Direction, Ended, Lane),
) {
    let mut lanes = lanes.map(Some);
    while lanes.iter().any(Option::is_some) {
        let ready = wait(&lanes);
        // Answers first: go waits for them.
        for (place, lane) in lanes.iter_mut().enumerate().rev() {
            let [is_first, is_second] = ready[place];
            let Some(running) = lane.as_mut().filter(|_| is_first || is_second) else { continue };
            let Some(how) = running.step(is_first, clock, &mut keep) else { continue };
            if let Some(ended) = lane.take() {
                end(ended.direction, how, ended);
            }
        }
    }
}

/// Waits until something can be done. Tells for each lane which of the two that it waits for has come.
fn wait(lanes: &[Option<Lane>; 2]) -> [[bool; 2]; 2] {
    let wanted = lanes.each_ref().map(|lane| lane.as_ref().map_or([None, None], Lane::waits_for));
    let is_wanted = wanted.each_ref().map(|wants| wants.each_ref().map(Option::is_some));
    let mut asked: Vec<PollFd> = wanted.into_iter().flatten().flatten().collect();
    if poll(&mut asked, PollTimeout::NONE).is_err() {
        return [[false; 2]; 2];
    }
    let mut answers = asked.iter().map(|answer| answer.any().unwrap_or(true));
    is_wanted.map(|wants| wants.map(|is_wanted| is_wanted && answers.next().unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A pipe: its reading end, and its writing end.
    fn pipe() -> (File, File) {
        let (read, write) = std::io::pipe().unwrap();
        (File::from(OwnedFd::from(read)), File::from(OwnedFd::from(write)))
    }

    /// Passes what `work` writes into the first pipe, and gives what came out of the second, with the ends and the longest block.
    fn passed_on(work: impl FnOnce(File, File) -> Vec<u8> + Send) -> (Vec<u8>, Vec<(Direction, Ended)>, u64) {
        let ((from, source), (sink, to)) = (pipe(), pipe());
        let ((from_program, program), (go, to_go)) = (pipe(), pipe());
        let lanes = [Lane::new(Direction::FromGo, from, to), Lane::new(Direction::ToGo, from_program, to_go)];
        let (mut ends, mut blocked_ns, mut kept) = (Vec::new(), 0, Vec::new());
        let received = std::thread::scope(|scope| {
            let worker = scope.spawn(move || {
                let received = work(source, sink);
                drop((program, go));
                received
            });
            let keep = |_, piece: &[u8], passed: Passed| {
                kept.extend_from_slice(piece);
                blocked_ns = blocked_ns.max(passed.blocked_ns);
            };
            relay(Clock::start(), lanes, keep, |direction, how, _| ends.push((direction, how)));
            worker.join().unwrap()
        });
        assert!(kept.starts_with(&received), "what is told of is what was passed on");
        (received, ends, blocked_ns)
    }

    #[test]
    fn a_reader_that_stands_still_is_seen() {
        let body = vec![b'x'; 300 << 10];
        let sent = body.clone();
        let (received, ends, blocked_ns) = passed_on(move |mut source, mut sink| {
            let mut received = Vec::new();
            std::thread::scope(|scope| {
                scope.spawn(move || source.write_all(&sent).unwrap());
                std::thread::sleep(Duration::from_millis(30));
                sink.read_to_end(&mut received).unwrap();
            });
            received
        });
        assert!(received == body && blocked_ns > 10_000_000, "{blocked_ns}");
        assert_eq!(ends[0], (Direction::FromGo, Ended::BySender));
    }

    #[test]
    fn a_reader_that_is_gone_ends_it_also_when_nothing_is_sent() {
        let (_, ends, _) = passed_on(|mut source, sink| {
            drop(sink);
            while source.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Vec::new()
        });
        assert_eq!(ends[0], (Direction::FromGo, Ended::ByReceiver));
    }

    #[test]
    fn a_pipe_has_its_flags_again_at_the_end() {
        let ((from, _source), (_sink, to)) = (pipe(), pipe());
        let flags = |file: &File| OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL).unwrap());
        let copy = to.try_clone().unwrap();
        let lane = Lane::new(Direction::ToGo, from, to);
        assert!(flags(&copy).contains(OFlag::O_NONBLOCK));
        drop(lane);
        assert!(!flags(&copy).contains(OFlag::O_NONBLOCK));
    }

    proptest! {
        #[test]
        fn any_bytes_are_passed_on_as_they_are(pieces in vec(vec(any::<u8>(), 0..2000), 0..12)) {
            let sent = pieces.clone();
            let (received, ..) = passed_on(move |mut source, mut sink| {
                sent.iter().for_each(|piece| source.write_all(piece).unwrap());
                drop(source);
                let mut received = Vec::new();
                sink.read_to_end(&mut received).unwrap();
                received
            });
            prop_assert_eq!(received, pieces.concat());
        }
    }
}
