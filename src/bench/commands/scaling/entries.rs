//! Outputs that nobody compiled: the same ones each time, from their numbers.

use ring::digest::{SHA256, digest};

use crate::bench::commands::scaling::driver::Ask;
use crate::protocol::{ActionId, OutputId};

/// The action of a version of an entry.
pub fn action(number: u64, version: u32) -> ActionId {
    ActionId::new(sha256(format!("action {number} {version}").as_bytes()))
}

/// A body that zstd makes to about a quarter, as it does with what go compiles.
pub fn body(number: u64, version: u32, bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number << 32 | u64::from(version));
    (0..bytes).map(|_| b"acgt"[random.usize(..4)]).collect()
}

/// Puts a body for an action.
pub fn put(action: ActionId, body: Vec<u8>) -> Ask {
    Ask::Put { action, output: OutputId::new(sha256(&body)), body }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, bytes);
    std::array::from_fn(|at| digest.as_ref()[at])
}
