//! The subcommands of `cacheprog` that work on the local store without go.

pub mod clean;
pub mod path;
pub mod trim;
pub mod verify;
