//! Processes that bench starts, and how they are ended.

pub mod command;
pub mod cpu_load;
pub mod interrupt;
pub mod time_limit;
pub mod watcher;
