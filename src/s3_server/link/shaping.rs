//! The link in front of the store: first-byte latency, round trips of new connections, jitter and bandwidth, adjustable
//! while it runs.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::s3_server::link::timer::Timer;

/// Below this a piece is not cut further: the timer could not keep up with smaller ones.
const LEAST_PIECE_BYTES: usize = 16 * 1024;
/// On a fast link a piece is what passes in one thousandth of a second.
const PIECES_PER_S: u64 = 1000;

/// How far away the store seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// Between the end of a request and the first byte of its answer on an open connection, on top of the server's own
    /// work (a fraction of a millisecond). The round trip over the network is a part of it.
    pub first_byte: Duration,
    /// One round trip over the network, at most `first_byte`: a new connection costs one more for the handshake of TCP, and
    /// one for that of TLS 1.3.
    pub round_trip: Duration,
    /// The latency varies evenly by up to this much in both directions.
    pub jitter: Duration,
    /// In each direction, shared by all connections. `None`: not limited.
    pub bandwidth_bytes_per_s: Option<u64>,
}

impl LinkSettings {
    /// Latency of an S3 in the same region.
    pub const SAME_REGION: LinkSettings = LinkSettings {
        first_byte: Duration::from_millis(20),
        round_trip: Duration::from_millis(1),
        jitter: Duration::ZERO,
        bandwidth_bytes_per_s: None,
    };
    /// Nothing added to what loopback takes.
    pub const NONE: LinkSettings =
        LinkSettings { first_byte: Duration::ZERO, round_trip: Duration::ZERO, ..LinkSettings::SAME_REGION };

    /// The round trip of a link whose latency is `first_byte_ms`, where none is given: that within a region, but at most the
    /// latency. Milliseconds.
    pub fn usual_rtt_ms(first_byte_ms: f64) -> f64 {
        first_byte_ms.min(Self::SAME_REGION.round_trip.as_secs_f64() * 1000.0)
    }

    /// Checks values from outside.
    ///
    /// # Errors
    /// Names the value that is negative, not finite, or zero where that cannot be, or a round trip above the latency.
    pub fn from_values(
        first_byte_ms: f64,
        rtt_ms: f64,
        jitter_ms: f64,
        bandwidth_bytes_per_s: Option<u64>,
    ) -> Result<Self, String> {
        let duration = |name: &str, ms: f64| {
            Duration::try_from_secs_f64(ms / 1000.0)
                .map_err(|_| format!("{name} is {ms}, but has to be 0 or more milliseconds"))
        };
        if bandwidth_bytes_per_s == Some(0) {
            return Err("the bandwidth is 0, but has to be at least 1 byte/s".to_owned());
        }
        let first_byte = duration("the first-byte latency", first_byte_ms)?;
        let round_trip = duration("the round trip", rtt_ms)?;
        if round_trip > first_byte {
            return Err(format!(
                "the round trip is {rtt_ms} ms, but has to be at most the first-byte latency of {first_byte_ms} ms, of which \
                 it is a part"
            ));
        }
        Ok(LinkSettings { first_byte, round_trip, jitter: duration("the jitter", jitter_ms)?, bandwidth_bytes_per_s })
    }
}

/// Which way bytes go: to the store or from it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Up,
    Down,
}

pub(crate) struct ShapedLink {
    state: Mutex<State>,
    timer: Timer,
}

struct State {
    settings: LinkSettings,
    /// When the bytes booked so far have passed, by direction.
    free_at: [Instant; 2],
}

impl ShapedLink {
    pub(crate) fn new(settings: LinkSettings) -> io::Result<Self> {
        let free_at = [Instant::now(); 2];
        Ok(ShapedLink { state: Mutex::new(State { settings, free_at }), timer: Timer::start()? })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, settings: LinkSettings) {
        let free_at = [Instant::now(); 2];
        *self.state() = State { settings, free_at };
    }

    /// The latency for the next answer.
    pub(crate) fn next_delay(&self) -> Duration {
        let LinkSettings { first_byte, jitter, .. } = self.state().settings;
        if jitter.is_zero() {
            return first_byte;
        }
        (first_byte + jitter.mul_f64(2.0 * fastrand::f64())).saturating_sub(jitter)
    }

    /// What `round_trips` over the network take.
    pub fn round_trips(&self, round_trips: u32) -> Duration {
        self.state().settings.round_trip * round_trips
    }

    /// Waits for `asked`, and says how long that really was.
    pub(crate) async fn hold(&self, asked: Duration) -> Duration {
        if asked.is_zero() {
            return Duration::ZERO;
        }
        let start = Instant::now();
        drop(self.timer.at(start + asked).await);
        start.elapsed()
    }

    /// Books the passage of at most `length` bytes: how many, and what resolves when they have
    /// passed. `None` while the bandwidth is not limited.
    pub(crate) fn book(&self, direction: Direction, length: usize) -> Option<(usize, oneshot::Receiver<()>)> {
        let mut state = self.state();
        let bandwidth = state.settings.bandwidth_bytes_per_s?;
        let piece = usize::try_from(bandwidth / PIECES_PER_S).unwrap_or(usize::MAX);
        let piece = length.min(piece.max(LEAST_PIECE_BYTES));
        let takes = Duration::from_secs_f64(piece as f64 / bandwidth as f64);
        let free_at = &mut state.free_at[direction as usize];
        *free_at = (*free_at).max(Instant::now()) + takes;
        let passed = *free_at;
        drop(state);
        Some((piece, self.timer.at(passed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn holds_at_least_what_was_asked_and_nothing_for_nothing() {
        let link = ShapedLink::new(LinkSettings::SAME_REGION).unwrap();
        assert_eq!(link.next_delay(), 20 * MS);
        assert!(link.hold(3 * MS).await >= 3 * MS);
        assert_eq!(link.hold(Duration::ZERO).await, Duration::ZERO);
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        let jitter = 5 * MS;
        let settings = LinkSettings { jitter, ..LinkSettings::SAME_REGION };
        let link = ShapedLink::new(settings).unwrap();
        let delays: Vec<_> = (0..200).map(|_| link.next_delay()).collect();
        assert!(delays.iter().all(|delay| (15 * MS..=25 * MS).contains(delay)));
        assert!(delays.iter().any(|delay| *delay != delays[0]));
        link.set(LinkSettings { first_byte: Duration::ZERO, ..settings });
        assert!((0..200).all(|_| link.next_delay() <= jitter));
    }

    #[tokio::test]
    async fn bandwidth_is_shared_and_paid_in_full() {
        let link = ShapedLink::new(LinkSettings::NONE).unwrap();
        assert!(link.book(Direction::Up, 1).is_none());
        let bandwidth_bytes_per_s = Some(1_000_000);
        link.set(LinkSettings { bandwidth_bytes_per_s, ..LinkSettings::NONE });
        let start = Instant::now();
        let mut last = None;
        for _ in 0..4 {
            let (piece, passed) = link.book(Direction::Down, 10_000).unwrap();
            assert_eq!(piece, 10_000);
            last = Some(passed);
        }
        last.unwrap().await.unwrap();
        assert!(start.elapsed() >= 40 * MS);
        assert_eq!(link.book(Direction::Up, 1 << 20).unwrap().0, LEAST_PIECE_BYTES);
    }

    #[test]
    fn values_from_outside_are_checked() {
        assert_eq!(LinkSettings::from_values(20.0, 1.0, 0.0, None), Ok(LinkSettings::SAME_REGION));
        assert!(LinkSettings::from_values(-1.0, 0.0, 0.0, None).is_err());
        assert!(LinkSettings::from_values(0.0, 0.0, f64::NAN, None).is_err());
        assert!(LinkSettings::from_values(0.0, 0.0, 0.0, Some(0)).is_err());
        let error = LinkSettings::from_values(1.0, 1.5, 0.0, None).unwrap_err();
        assert!(error.starts_with("the round trip is 1.5 ms, but has to be at most"), "{error}");
        assert!(LinkSettings::from_values(1.0, -0.5, 0.0, None).is_err());
    }

    #[test]
    fn the_usual_round_trip_is_at_most_the_latency() {
        assert_eq!([0.0, 0.25, 1.0, 20.0].map(LinkSettings::usual_rtt_ms), [0.0, 0.25, 1.0, 1.0]);
    }
}
