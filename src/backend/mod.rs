//! One session of the backend: reader, tasks, writer, close and end of input, deadlines.

mod args;
mod commands;
mod folders;
mod limits;
mod run;
mod session;

pub use args::{BackendArgs, CacheArgs, RecordArgs};
pub use commands::clean::{CleanArgs, clean};
pub use commands::path::path;
pub use commands::trim::trim;
pub use commands::verify::verify;
pub use limits::{KeepArgs, LimitArgs};
pub use run::main;
