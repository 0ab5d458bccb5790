//! The bench: scenario -> plan -> rounds -> results (plain data) -> analysis -> reporters.
//! Beside it `diff`, which compares two profiles, and `growth`, which needs no go.

mod analysis;
mod compare;
mod diff;
mod growth;
mod planning;
mod report;
mod reporting;
mod running;

pub use compare::{CompareArgs, run as compare};
pub use diff::{DiffArgs, run as diff};
pub use growth::{GrowthArgs, run as growth};
pub use planning::args::{BOTTLENECKS, BenchArgs, RemoteKind};
pub use planning::leg::Leg;
pub use planning::what_if::WhatIfArgs;
pub use report::{ReportArgs, run as report};
pub use reporting::errors::in_words;
pub use running::busy::keep_busy;
pub use running::observe::{ObserveArgs, observe};
pub use running::prove::prove;
pub use running::run::{run, what_if};
pub use running::watcher::watch;
