//! The folder of a session's records, and the bound on all of them.

pub(crate) mod retention;
pub(crate) mod session_folder;
