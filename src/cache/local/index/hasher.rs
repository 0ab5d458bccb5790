//! Where an id lies in the map. It is a hash already, so nothing is left to be hashed: a large log loads in half the time.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps whose keys are ids that go made.
pub type ById = BuildHasherDefault<IdHasher>;

/// The first bytes of an id.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length, which is the same for all.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ActionId;
    use std::hash::BuildHasher;

    #[test]
    fn it_is_the_start_of_the_id() {
        let id = ActionId::new(std::array::from_fn(|i| i as u8));
        assert_eq!(ById::default().hash_one(id), u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7]));
    }
}
