//! One session of the backend: reader, tasks, writer, close and end of input, deadlines.

mod arguments;
mod commands;
mod folders;
mod run;
mod session;

pub use arguments::backend_args::{BackendArgs, CacheArgs, RecordArgs};
pub use arguments::limits::{KeepArgs, LimitArgs};
pub use commands::clean::{CleanArgs, clean};
pub use commands::path::path;
pub use commands::trim::trim;
pub use commands::verify::verify;
pub use run::main;
