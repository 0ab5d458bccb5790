//! Measures backends over made-up outputs: stores of many entries, and a bucket after many commits. Needs no go and no compiler;
//! knows no report.

pub mod commits;
pub mod driver;
pub mod harness;
pub mod stores;
