//! The command line of the backend. Runs nothing.

pub mod backend_args;
pub mod limits;
