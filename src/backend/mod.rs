//! One session of the backend: reader, tasks, writer, close and end of input, deadlines.

mod alter;
mod args;
mod at_close;
mod capture;
mod clean;
mod folders;
mod gauges;
mod interrupted;
mod io;
mod limits;
mod path;
mod plant;
mod records;
mod run;
mod session;
mod spans;
mod ticker;
mod trim;
mod turns;
mod verify;

pub use args::{BackendArgs, CacheArgs, RecordArgs};
pub use clean::{CleanArgs, clean};
pub use limits::{KeepArgs, LimitArgs};
pub use path::path;
pub use run::main;
pub use trim::trim;
pub use verify::verify;
