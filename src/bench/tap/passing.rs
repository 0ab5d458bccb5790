//! The loop that passes bytes on: it reads, writes, and only then tells of them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

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

/// Passes all bytes of `from` on, each as soon as it can, and calls `keep` with each piece after it was taken.
/// `asks_unread`: how much the receiver has not read is looked at before each piece.
pub fn pass(
    from: &mut File,
    to: &mut File,
    clock: Clock,
    asks_unread: bool,
    mut keep: impl FnMut(&[u8], Passed),
) -> Ended {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return Ended::BySender,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return Ended::BySender,
        };
        let mut passed = Passed { read_ns: clock.now_ns(), ..Passed::default() };
        if asks_unread {
            passed.unread = rustix::io::ioctl_fionread(&*to).unwrap_or(0);
        }
        let mut left = &buffer[..length];
        while !left.is_empty() {
            match to.write(left) {
                Ok(taken) => {
                    passed.written_ns = clock.now_ns();
                    keep(&left[..taken], passed);
                    left = &left[taken..];
                    (passed.blocked_ns, passed.unread) = (0, 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => passed.blocked_ns += wait_for_room(to, clock),
                Err(_) => return Ended::ByReceiver,
            }
        }
    }
}

/// Waits until a pipe can take more, or is closed. Gives how long that took, nanoseconds.
fn wait_for_room(pipe: &File, clock: Clock) -> u64 {
    let began_ns = clock.now_ns();
    // An error is a signal: the next write tells if there is room.
    let _ = poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
    clock.now_ns().saturating_sub(began_ns)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// A pipe: its reading end, and its writing end, which does not block.
    fn pipe() -> (File, File) {
        let (read, write) = std::io::pipe().unwrap();
        fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        (File::from(std::os::fd::OwnedFd::from(read)), File::from(std::os::fd::OwnedFd::from(write)))
    }

    #[test]
    fn a_reader_that_stands_still_is_seen() {
        let ((mut from, source), (mut sink, mut to)) = (pipe(), pipe());
        fcntl(&source, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        let body = vec![b'x'; 300 << 10];
        let sent = body.clone();
        let mut blocked_ns = 0;
        let received = std::thread::scope(|scope| {
            scope.spawn(move || (&source).write_all(&sent).unwrap());
            let reader = scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                let mut received = Vec::new();
                sink.read_to_end(&mut received).unwrap();
                received
            });
            let ended = pass(&mut from, &mut to, Clock::start(), true, |_, passed| blocked_ns += passed.blocked_ns);
            assert_eq!(ended, Ended::BySender);
            drop(to);
            reader.join().unwrap()
        });
        assert!(received == body && blocked_ns > 10_000_000, "{blocked_ns}");
    }

    #[test]
    fn a_reader_that_is_gone_ends_it() {
        let ((mut from, mut source), (sink, mut to)) = (pipe(), pipe());
        source.write_all(b"a request").unwrap();
        drop(sink);
        assert_eq!(pass(&mut from, &mut to, Clock::start(), true, |_, _| {}), Ended::ByReceiver);
    }

    proptest! {
        #[test]
        fn any_bytes_are_passed_on_as_they_are(pieces in vec(vec(any::<u8>(), 0..2000), 0..12)) {
            let ((mut from, mut source), (mut sink, mut to)) = (pipe(), pipe());
            for piece in &pieces {
                source.write_all(piece).unwrap();
            }
            drop(source);
            let mut kept = Vec::new();
            pass(&mut from, &mut to, Clock::start(), false, |bytes, _| kept.extend_from_slice(bytes));
            drop(to);
            let mut received = Vec::new();
            sink.read_to_end(&mut received).unwrap();
            prop_assert_eq!(&received, &pieces.concat());
            prop_assert_eq!(received, kept);
        }
    }
}
