//! The bench: scenario -> plan -> rounds -> results (plain data) -> analysis -> reporters.
//! Beside it `diff`, which compares two profiles, and `growth`, which needs no go.

mod analysis;
mod commands;
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
pub use execute::process::cpu_load::keep_busy;
pub use execute::process::watcher::watch;
pub use plan::what_if::WhatIfArgs;
pub use report::text::errors::in_words;
pub use scenario::args::{BOTTLENECKS, BenchArgs, RemoteKind};
pub use scenario::cache_state::CacheState;
