//! The bench: scenario -> plan -> rounds -> results -> analysis -> reports, each in a folder of its own, and commands on top.

mod analysis;
mod commands;
mod error_text;
mod execute;
mod plan;
mod report;
mod results;
mod scenario;
mod tap;

pub use commands::compare::arguments::{CompareArgs, ERROR as COMPARE_ERROR};
pub use commands::compare::run as compare;
pub use commands::diff::{DiffArgs, run as diff};
pub use commands::overhead::{OverheadArgs, run as overhead};
pub use commands::report::{ReportArgs, run as report};
pub use commands::run::{run, what_if};
pub use commands::scaling::{ScalingArgs, run as scaling};
pub use commands::selftest::run as selftest;
pub use commands::tap::{TapArgs, run as tap};
pub use commands::watch::{WatchArgs, run as watch};
pub use error_text::in_words;
pub use execute::process::cpu_load::keep_busy;
pub use execute::process::watcher::watch as watch_over;
pub use plan::what_if::{WhatIf, WhatIfArgs};
pub use scenario::args::{BOTTLENECKS, BenchArgs, RemoteKind, values_help};
pub use scenario::cache_state::CacheState;
