//! The go command: finding it, running it, and its own view of a build.

pub mod advice;
pub mod build_log;
pub mod go_view;
pub mod gocache;
pub mod page_cache;
pub mod toolchain;
pub mod workers;
