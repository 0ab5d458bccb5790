//! The folder of a store: its names, its locks and its small files. Knows no index and no trimming.

pub mod lease;
pub mod names;
pub mod small_file;
pub mod store_folder;
