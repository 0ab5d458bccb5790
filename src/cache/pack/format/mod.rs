//! The bytes of packs, manifests and large outputs. No input or output.

pub mod builder;
pub mod decoder;
pub mod fields;
pub mod keys;
pub mod large;
pub mod layout;
pub mod manifest;
