//! The local store: bodies as files, an index of actions, and the locks and the trimming that keep it small. Knows no
//! remote.

pub(crate) mod body_file;
pub mod clean;
pub mod folder;
pub(crate) mod index;
pub(crate) mod open_store;
pub mod spare;
pub(crate) mod store;
pub(crate) mod trim;
pub(crate) mod verify;
