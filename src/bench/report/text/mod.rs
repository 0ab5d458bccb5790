//! Every sentence that a user reads in a report. Knows no terminal, no HTML.

pub mod answer;
pub mod cell;
pub mod comparability;
pub mod comparison;
pub mod conditions;
pub mod files;
pub mod headlines;
pub mod notes;
pub mod units;
pub mod verdict;
pub mod warnings;
pub mod wrap;
