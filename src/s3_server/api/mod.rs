//! The S3 operations over a store in memory.

pub(crate) mod checksums;
pub(crate) mod conditions;
pub(crate) mod details;
pub(crate) mod multipart;
pub(crate) mod objects;
pub(crate) mod operations;
pub(crate) mod pages;
pub(crate) mod parts;
pub(crate) mod receive;
pub(crate) mod store;
