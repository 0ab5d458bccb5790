//! `bench tap -- COMMAND`: a relay between go and a GOCACHEPROG program, which records the session from outside.

pub use crate::tap::arguments::TapArgs;
pub use crate::tap::run::main as run;
