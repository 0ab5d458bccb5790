//! The folders that a run makes, and their removal.

pub mod caches;
pub mod leftovers;
pub mod run_folders;
pub mod run_marks;
pub mod tree;
