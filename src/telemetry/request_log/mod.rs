//! `request.txt`: written while the session lives, and read back.

pub(crate) mod reader;
pub(crate) mod writer;
