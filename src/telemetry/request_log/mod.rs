//! `request.txt`: written while the session lives, and read back.

pub mod reader;
pub mod writer;
