//! The folder of a session's records, and the bound on all of them.

pub mod retention;
pub mod session_folder;
