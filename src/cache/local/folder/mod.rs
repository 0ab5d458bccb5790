//! The folder of a store: its names, its locks and its small files. Knows no index and no trimming.

pub(crate) mod lease;
pub(crate) mod names;
pub(crate) mod small_file;
pub mod store_folder;
