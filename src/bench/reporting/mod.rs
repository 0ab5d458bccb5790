//! What came out and how it is shown: [`results`] are plain data, [`stats`], [`compare`] and [`summary`] compute, the others
//! print.
//!
//! [`progress`] goes to stderr; [`table`] to stdout, of [`counts`], [`grid`], [`dots`], [`answer`], [`files`], [`wording`],
//! [`units`]; [`errors`] to stderr at the end.

pub mod answer;
pub mod compare;
pub mod counts;
pub mod dots;
pub mod errors;
pub mod files;
pub mod grid;
pub mod price;
pub mod progress;
pub mod results;
pub mod stats;
pub mod summary;
pub mod table;
pub mod units;
pub mod wording;
