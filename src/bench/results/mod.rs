//! The raw data of a run, and how `results.json` is written and read. Knows no analysis and no report.

pub mod environment;
pub mod go_actions;
pub mod machines;
pub mod overhead;
pub mod read;
pub mod round;
pub mod run;
pub mod scaling;
pub mod time_breakdown;

#[cfg(test)]
#[path = "schema_tests.rs"]
mod schema;
