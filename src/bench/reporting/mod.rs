//! What came out and how it is shown: [`results`] are plain data, [`stats`], [`compare`] and [`summary`] compute, the others
//! print.
//!
//! [`cases`] computes what each case came to, and [`case_table`] prints it.
//! [`network`] computes what a grid of links came to, and [`network_table`] and [`network_plot`] show it.
//! [`ci`] computes what groups of machines came to, and [`ci_table`] prints it.
//! [`progress`] goes to stderr; [`table`] to stdout, of [`counts`], [`grid`], [`dots`], [`answer`], [`files`], [`wording`],
//! [`units`]; [`errors`] to stderr at the end.

pub mod answer;
pub mod case_table;
pub mod cases;
pub mod ci;
pub mod ci_table;
pub mod compare;
pub mod counts;
pub mod dots;
pub mod errors;
pub mod files;
pub mod grid;
pub mod network;
pub mod network_plot;
pub mod network_table;
pub mod price;
pub mod progress;
pub mod results;
pub mod stats;
pub mod summary;
pub mod table;
pub mod units;
pub mod wording;
