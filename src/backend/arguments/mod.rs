//! The command line of the backend. Runs nothing.

pub(crate) mod backend_args;
pub(crate) mod limits;
