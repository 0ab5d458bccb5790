//! One session of the backend: reader, tasks, writer, close and end of input, deadlines.

mod alter;
mod args;
mod at_close;
mod capture;
mod gauges;
mod io;
mod limits;
mod plant;
mod records;
mod run;
mod session;
mod spans;
mod trim;
mod turns;
mod verify;

pub use args::{BackendArgs, CacheArgs};
pub use limits::LimitArgs;
pub use run::main;
pub use trim::trim;
pub use verify::verify;
