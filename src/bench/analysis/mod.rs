//! From raw results to numbers and their meaning. Prints nothing, and knows no report and no execution.

pub mod results;
pub mod statistics;
pub mod study;
pub mod time;
pub mod verdict;
