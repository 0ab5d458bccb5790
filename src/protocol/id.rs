//! The two ids of the protocol: 32 bytes, on the wire as padded standard base64 (44 characters).

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use ring::digest::{Context, SHA256};

/// Bytes of an id: cmd/go's `cache.HashSize`.
const ID_BYTES: usize = 32;
/// Characters of an id as padded standard base64.
const ID_CHARS: usize = 44;

/// Marks an id of what go computed (see [`ActionId`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {}
/// Marks an id of a result (see [`OutputId`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Output {}

/// Hash of all inputs of one step of a build.
pub type ActionId = Id<Action>;
/// SHA-256 of the body that a step made.
pub type OutputId = Id<Output>;

/// A 32-byte id; the marker keeps actions and outputs apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id<K>([u8; ID_BYTES], PhantomData<K>);

impl<K> Id<K> {
    /// Wraps 32 raw bytes.
    pub const fn new(bytes: [u8; ID_BYTES]) -> Self {
        Self(bytes, PhantomData)
    }

    /// Reads the wire form: 44 characters of padded standard base64. `None` for anything else.
    pub fn from_wire(text: &str) -> Option<Self> {
        if text.len() != ID_CHARS {
            return None;
        }
        let bytes = base64_simd::STANDARD.decode_to_vec(text).ok()?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// The wire form: padded standard base64, 44 characters, may hold `/` and `+`.
    pub fn to_wire(&self) -> String {
        base64_simd::STANDARD.encode_to_string(self.0)
    }

    /// The wire form with `/` as `-`: the workshop's spelling in file names and object keys.
    pub fn escaped(&self) -> String {
        self.to_wire().replace('/', "-")
    }

    /// Reads what [`Id::escaped`] wrote. `-` is no character of standard base64, so this is exact.
    pub fn from_escaped(text: &str) -> Option<Self> {
        Self::from_wire(&text.replace('-', "/"))
    }

    /// The 32 raw bytes.
    pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
        &self.0
    }
}

impl Id<Action> {
    /// How go's own `-debug-actiongraph` names it: base64url of the first 15 bytes, 20 characters.
    pub fn graph_key(&self) -> String {
        base64_simd::URL_SAFE.encode_to_string(&self.0[..15])
    }

    /// The key under which go keeps something more of the same action, such as what it printed (`stdout`): cmd/go's `cache.Subkey`.
    pub fn subkey(&self, name: &str) -> Self {
        let mut digest = Context::new(&SHA256);
        for part in [b"subkey:", &self.0[..], name.as_bytes()] {
            digest.update(part);
        }
        let mut bytes = [0; ID_BYTES];
        bytes.copy_from_slice(digest.finish().as_ref());
        Self::new(bytes)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_wire())
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_is_padded_standard_base64() {
        let id = ActionId::new([0xff; 32]);
        assert_eq!(id.to_wire(), "//////////////////////////////////////////8=");
        assert_eq!(ActionId::from_wire(&id.to_wire()), Some(id));
    }

    #[test]
    fn escaping_replaces_slashes_only_and_is_reversible() {
        let id = OutputId::new(std::array::from_fn(|i| (i * 37) as u8 ^ 0xfb));
        assert_eq!(id.escaped(), id.to_wire().replace('/', "-"));
        assert_eq!(OutputId::from_escaped(&id.escaped()), Some(id));
        assert_eq!(OutputId::new([0xff; 32]).escaped().len(), ID_CHARS);
    }

    #[test]
    fn the_graph_key_is_the_start_of_the_wire_form_in_the_url_alphabet() {
        let id = ActionId::new(std::array::from_fn(|i| (i * 53) as u8 ^ 0xfe));
        assert_eq!(id.graph_key(), id.to_wire()[..20].replace('+', "-").replace('/', "_"));
    }

    #[test]
    fn a_subkey_is_what_go_asks_for_beside_an_action() {
        // Two requests of a `go build`, one after the other.
        let id = ActionId::from_wire("Lhd+DDyMv3aUl6HefUN4WDyRwxuY+whHHuoP2ha8/Rs=").unwrap();
        assert_eq!(id.subkey("stdout").to_wire(), "Lqqt0Y7B+rSMKwrDeKeUSfl91BxHNqNatJIVCD9Sqg0=");
    }

    #[test]
    fn other_lengths_and_alphabets_are_refused() {
        for text in ["", "AAAA", &"A".repeat(44), &"_".repeat(43), "hex?"] {
            assert_eq!(ActionId::from_wire(text), None, "{text}");
        }
    }
}
