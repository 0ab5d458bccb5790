//! The bench: scenario -> plan -> rounds -> results (plain data) -> statistics -> reporters.
//!
//! - what is run: [`leg`], [`scenario`], [`args`], [`plan`]
//! - running it: [`runner`] over [`round`], with [`go`], [`workload`], [`gocache`], [`process`], [`remote`], [`session`], [`build_log`],
//!   [`interrupt`]
//! - what came out: [`state`], [`results`], [`environment`], then [`stats`], [`compare`] and [`summary`]
//! - what is shown: [`progress`], [`table`] (of [`counts`], [`grid`], [`dots`], [`answer`], [`files`]), [`wording`], [`units`], [`errors`]

mod answer;
mod args;
mod build_log;
mod compare;
mod counts;
mod dots;
mod environment;
mod errors;
mod files;
mod folders;
mod go;
mod gocache;
mod grid;
mod interrupt;
mod leg;
mod nearest;
mod outline;
mod plan;
mod platform;
mod process;
mod progress;
mod remote;
mod remote_env;
mod results;
mod round;
mod run;
mod runner;
mod scenario;
mod server;
mod session;
mod state;
mod stats;
mod summary;
mod table;
mod units;
mod warm;
mod wording;
mod workload;

pub use args::{BenchArgs, RemoteKind};
pub use errors::in_words;
pub use leg::Leg;
pub use run::run;
