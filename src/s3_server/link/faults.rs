//! Injected faults: requests that are refused, dropped, left without an answer, or answered with damage.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::s3_server::link::classify::Operation;

/// A kind of failure that is injected into requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FaultKind {
    /// 503 `SlowDown`
    SlowDown,
    /// 500 `InternalError`
    InternalError,
    /// 400 `ExpiredToken`
    ExpiredToken,
    /// 403 `RequestTimeTooSkewed`, as for a client whose clock is wrong
    SkewedClock,
    /// 403 `AccessDenied` to what writes or deletes, as for a key that may only read
    ReadOnly,
    /// 403 `AccessDenied` to what deletes
    NoDelete,
    /// The connection is closed instead of an answer
    Drop,
    /// No answer ever comes
    Silence,
    /// The body of the answer ends in its middle, and the connection with it
    Cut,
    /// The body of the answer stops in its middle, and the connection stays
    Stall,
    /// A byte in the middle of the body of the answer is another
    Corrupt,
}

impl FaultKind {
    /// All of them, as arguments name them.
    pub(crate) fn names() -> String {
        let known = Self::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        known.map(|value| value.get_name().to_owned()).collect::<Vec<String>>().join(", ")
    }

    /// True if the fault applies to requests of the operation.
    pub(crate) fn concerns(self, operation: Operation) -> bool {
        match self {
            Self::ReadOnly => {
                matches!(operation, Operation::Put | Operation::Delete | Operation::Part | Operation::Multipart)
            }
            Self::NoDelete => operation == Operation::Delete,
            _ => true,
        }
    }

    /// Status and code of an error answer, by S3's list of error codes.
    pub(crate) fn refusal(self) -> Option<(u16, &'static str)> {
        match self {
            Self::SlowDown => Some((503, "SlowDown")),
            Self::InternalError => Some((500, "InternalError")),
            Self::ExpiredToken => Some((400, "ExpiredToken")),
            Self::SkewedClock => Some((403, "RequestTimeTooSkewed")),
            Self::ReadOnly | Self::NoDelete => Some((403, "AccessDenied")),
            Self::Drop | Self::Silence | Self::Cut | Self::Stall | Self::Corrupt => None,
        }
    }
}

/// A fault, and how many of the requests have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    /// The kind of failure.
    pub kind: FaultKind,
    /// 0 to 1.
    pub share: f64,
}

/// As an argument: `slow-down:5` for 5 percent of the requests, `slow-down` for all.
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, percent) = text.split_once(':').unwrap_or((text, "100"));
        let kind = FaultKind::from_str(name, false)
            .map_err(|_| format!("`{name}` is not a fault: give one of {}", FaultKind::names()))?;
        match percent.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self { kind, share: percent / 100.0 }),
            _ => Err(format!("`{percent}` is not a percentage of the requests: give 0 to 100")),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        let kind = fault.kind.to_possible_value().expect("no kind of fault is hidden");
        format!("{}:{}", kind.get_name(), fault.share * 100.0)
    }
}

/// Draws a fault for each request.
pub(crate) struct Faults(Mutex<(Vec<Fault>, fastrand::Rng)>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>, seed: u64) -> Self {
        Self(Mutex::new((faults, fastrand::Rng::with_seed(seed))))
    }

    pub(crate) fn set(&self, faults: Vec<Fault>, seed: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (faults, fastrand::Rng::with_seed(seed));
    }

    /// That of the next request. The n-th request after [`Faults::set`] always has the same one.
    pub(crate) fn draw(&self) -> Option<FaultKind> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (faults, random) = &mut *state;
        if faults.is_empty() {
            return None;
        }
        let mut drawn = random.f64();
        let hit = faults.iter().find(|fault| {
            drawn -= fault.share;
            drawn < 0.0
        });
        hit.map(|fault| fault.kind)
    }
}

/// Damage to the body of an answer, in its middle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damage {
    kind: FaultKind,
    /// Bytes until there.
    left_bytes: u64,
}

/// A piece of a body after damage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Damaged {
    Piece(Bytes),
    End,
    Never,
}

impl Damage {
    /// For a body of `length_bytes`; nothing for a fault that leaves bodies alone.
    pub(crate) fn new(kind: FaultKind, length_bytes: u64) -> Option<Self> {
        let is_of_bodies = matches!(kind, FaultKind::Cut | FaultKind::Stall | FaultKind::Corrupt);
        is_of_bodies.then_some(Self { kind, left_bytes: length_bytes / 2 })
    }

    /// True if the body neither goes on nor ends.
    pub(crate) fn stalls(self) -> bool {
        self.kind == FaultKind::Stall
    }

    /// True if the body goes on to its end.
    pub(crate) fn lets_end(self) -> bool {
        self.kind == FaultKind::Corrupt
    }

    /// Damages the next piece, which is not empty.
    pub(crate) fn apply(&mut self, piece: Bytes) -> Damaged {
        let length = piece.len() as u64;
        if self.left_bytes >= length {
            self.left_bytes -= length;
            return Damaged::Piece(piece);
        }
        let after = if self.lets_end() { u64::MAX } else { 0 };
        let at = std::mem::replace(&mut self.left_bytes, after) as usize;
        match self.kind {
            FaultKind::Corrupt => {
                let mut changed = BytesMut::from(piece);
                changed[at] ^= 0x55;
                Damaged::Piece(changed.freeze())
            }
            _ if at > 0 => Damaged::Piece(piece.slice(..at)),
            FaultKind::Cut => Damaged::End,
            _ => Damaged::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_names_the_fault_and_its_share() {
        assert_eq!("slow-down:5".parse(), Ok(Fault { kind: FaultKind::SlowDown, share: 0.05 }));
        assert_eq!("drop".parse(), Ok(Fault { kind: FaultKind::Drop, share: 1.0 }));
        for (wrong, word) in [("rain", "give one of slow-down, "), ("drop:x", "0 to 100"), ("drop:101", "0 to 100")] {
            assert!(wrong.parse::<Fault>().unwrap_err().contains(word), "{wrong}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_faults_in_their_shares() {
        let plan = || vec!["drop:10".parse().unwrap(), "cut:20".parse().unwrap()];
        let draw = |seed| {
            let faults = Faults::new(plan(), seed);
            (0..10_000).map(|_| faults.draw()).collect::<Vec<_>>()
        };
        let drawn = draw(1);
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        let share = |kind| drawn.iter().filter(|fault| **fault == kind).count();
        assert!((800..1200).contains(&share(Some(FaultKind::Drop))), "{}", share(Some(FaultKind::Drop)));
        assert!((1700..2300).contains(&share(Some(FaultKind::Cut))), "{}", share(Some(FaultKind::Cut)));
    }

    /// Sends a body of 100 bytes in pieces of 30 through the damage.
    fn body(kind: FaultKind) -> (Vec<u8>, Option<Damaged>) {
        let mut damage = Damage::new(kind, 100).unwrap();
        let mut came = Vec::new();
        for piece in [7_u8; 100].chunks(30) {
            match damage.apply(Bytes::copy_from_slice(piece)) {
                Damaged::Piece(piece) => came.extend_from_slice(&piece),
                end => return (came, Some(end)),
            }
        }
        (came, None)
    }

    #[test]
    fn damage_comes_in_the_middle() {
        assert_eq!(body(FaultKind::Cut), (vec![7; 50], Some(Damaged::End)));
        assert_eq!(body(FaultKind::Stall), (vec![7; 50], Some(Damaged::Never)));
        let (changed, end) = body(FaultKind::Corrupt);
        let other: Vec<usize> = (0..100).filter(|at| changed[*at] != 7).collect();
        assert_eq!((changed.len(), other, end), (100, vec![50], None));
        assert!(Damage::new(FaultKind::Drop, 100).is_none());
    }
}
