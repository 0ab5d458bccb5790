//! The words of a verdict: on a state, on each finding, and the next step.

pub mod finding;
pub mod next;
pub mod state;
