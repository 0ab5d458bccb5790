//! What came out and how it is shown: [`results`] are plain data, the others print what `analysis` computed.
//!
//! [`case_table`] prints cases, [`network_table`] and [`network_plot`] show a grid of links, [`ci_table`] groups of machines.
//! [`progress`] goes to stderr; [`table`] to stdout, of [`counts`], [`grid`], [`dots`], [`notes`], [`answer`], [`files`], [`wording`],
//! [`units`]; [`errors`] to stderr at the end.

pub mod answer;
pub mod case_table;
pub mod ci_table;
pub mod counts;
pub mod dots;
pub mod errors;
pub mod files;
pub mod grid;
pub mod network_plot;
pub mod network_table;
pub mod notes;
pub mod price;
pub mod progress;
pub mod results;
pub mod table;
pub mod units;
pub mod wording;
