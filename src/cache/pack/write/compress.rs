//! Makes a pack of what has gathered.

use std::collections::HashMap;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::pack::format::builder::PackBuilder;
use crate::cache::pack::format::keys::pack_key;
use crate::cache::pack::format::manifest::PackId;
use crate::protocol::ActionId;

/// A pack that is ready to be sent.
pub struct Packed {
    pub id: PackId,
    pub bytes: Bytes,
    pub(super) actions: Vec<ActionId>,
    pub(super) number: u64,
}

/// The result of compressing a batch.
#[derive(Default)]
pub struct Compressed {
    /// `None` when nothing of it could be packed.
    pub packed: Option<Packed>,
    /// Entries that are gone from the local store, or damaged there: nobody can send it.
    pub gone: Vec<ActionId>,
    /// Entries that were put again later in the same batch.
    pub repeated: Vec<ActionId>,
}

impl Packed {
    /// The actions that are in it.
    pub fn actions(&self) -> &[ActionId] {
        &self.actions
    }

    /// Its key.
    pub fn key(&self) -> String {
        pack_key(self.id)
    }
}

/// Compresses entries, which are batch `number` of the session, at zstd's `level`; `None`: not at all.
pub fn compress(local: &LocalStore, entries: &[(ActionId, Entry)], number: u64, level: Option<i32>) -> Compressed {
    let mut compressed = Compressed::default();
    let Ok(mut builder) = PackBuilder::new(level) else { return compressed };
    // The last put of an action counts.
    let last: HashMap<&ActionId, usize> = entries.iter().enumerate().map(|(at, (action, _))| (action, at)).collect();
    for (at, (action, entry)) in entries.iter().enumerate() {
        if last[action] != at {
            compressed.repeated.push(*action);
        } else if builder.add(*action, entry, || content(local, action, entry)).is_err() {
            compressed.gone.push(*action);
        }
    }
    let finished = builder.finish().ok().filter(|(_, actions)| !actions.is_empty());
    let packed = |(bytes, actions): (Vec<u8>, _)| Packed { id: PackId::random(), bytes: bytes.into(), actions, number };
    compressed.packed = finished.map(packed);
    compressed
}

/// A body from the local store. One that this session did not put may have been damaged since, and what goes out reaches every
/// machine.
fn content(local: &LocalStore, action: &ActionId, entry: &Entry) -> std::io::Result<Vec<u8>> {
    let content = std::fs::read(local.path_of(&entry.output))?;
    let is_ours = matches!(local.peek(action), Some((_, Origin::PutHere)));
    if !is_ours && digest(&SHA256, &content).as_ref() != entry.output.as_bytes() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the body is damaged"));
    }
    Ok(content)
}
