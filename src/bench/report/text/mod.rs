//! Every sentence that a user reads in a report.

pub mod answer;
pub mod comparison;
pub mod files;
pub mod notes;
pub mod units;
pub mod verdict;
