//! The bench: scenario -> plan -> rounds -> results -> analysis -> reports, each in a folder of its own, and commands on top.

mod analysis;
mod commands;
mod error_text;
mod execute;
mod plan;
mod report;
mod results;
mod scenario;

pub use commands::compare::{CompareArgs, run as compare};
pub use commands::diff::{DiffArgs, run as diff};
pub use commands::overhead::{ObserveArgs, observe};
pub use commands::report::{ReportArgs, run as report};
pub use commands::run::{run, what_if};
pub use commands::scaling::{GrowthArgs, run as growth};
pub use commands::selftest::prove;
pub use error_text::in_words;
pub use execute::process::cpu_load::keep_busy;
pub use execute::process::watcher::watch;
pub use plan::what_if::WhatIfArgs;
pub use scenario::args::{BOTTLENECKS, BenchArgs, RemoteKind};
pub use scenario::cache_state::CacheState;
