//! The bench: scenario -> plan -> rounds -> results (plain data) -> statistics -> reporters.

mod planning;
mod reporting;
mod running;

pub use planning::args::{BenchArgs, RemoteKind};
pub use planning::leg::Leg;
pub use reporting::errors::in_words;
pub use running::run::run;
