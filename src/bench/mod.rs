//! The bench: scenario -> plan -> results <- execute; results -> analysis -> report. `commands` is on top of all.

mod analysis;
mod commands;
mod execute;
mod plan;
mod report;
mod results;
mod scenario;

pub use commands::compare::{CompareArgs, ERROR as COMPARE_ERROR, run as compare};
pub use commands::diff::{DiffArgs, run as diff};
pub use commands::overhead::{OverheadArgs, run as overhead};
pub use commands::report::{ReportArgs, run as report};
pub use commands::run::{run, what_if};
pub use commands::scaling::{ScalingArgs, run as scaling};
pub use commands::selftest::run as selftest;
pub use execute::process::cpu_load::keep_busy;
pub use execute::process::watcher::watch;
pub use plan::what_if::WhatIfArgs;
pub use report::text::errors::in_words;
pub use scenario::args::{BOTTLENECKS, BenchArgs, RemoteKind};
pub use scenario::cache_state::CacheState;
