//! The bytes of packs, manifests and large outputs. No input or output.

pub(crate) mod builder;
pub(crate) mod decoder;
pub(crate) mod fields;
pub(crate) mod keys;
pub(crate) mod large;
pub(crate) mod layout;
pub(crate) mod manifest;
