//! Raw data of a run, and `results.json`. Imports no analysis.

pub mod read;
pub mod run;
#[cfg(test)]
pub mod schema;
