//! The subcommands of `cacheprog` that work on the local store without go.

pub(crate) mod clean;
pub(crate) mod path;
pub(crate) mod trim;
pub(crate) mod verify;
