//! The local store: bodies as files, an index of actions, and the locks and the trimming that keep it small. Knows no
//! remote.

pub mod body_file;
pub mod clean;
pub mod folder;
pub mod index;
pub mod open_store;
pub mod spare;
pub mod store;
pub mod trim;
pub mod verify;
