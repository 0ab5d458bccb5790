//! Backends that are measured: ours, and any other GOCACHEPROG program, with the settings that it is started with.

pub mod argument;
pub mod built_in;
pub mod foreign;
pub mod placeholders;
