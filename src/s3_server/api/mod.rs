//! The S3 operations over a store in memory.

pub mod checksums;
pub mod conditions;
pub mod details;
pub mod multipart;
pub mod objects;
pub mod operations;
pub mod pages;
pub mod parts;
pub mod receive;
pub mod store;
