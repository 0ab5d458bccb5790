//! Every sentence that a user reads in a report.

pub mod answer;
pub mod bottlenecks;
pub mod comparison;
pub mod conditions;
pub mod errors;
pub mod files;
pub mod finding;
pub mod next;
pub mod notes;
pub mod units;
pub mod verdict;
