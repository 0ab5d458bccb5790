//! The plan of a run: a scenario and the command line, resolved. Knows no execution, no results and no report.

pub mod backends;
pub mod duration;
pub mod go_command;
pub mod go_flags;
pub mod plan_error;
pub mod resolve_cases;
pub mod run_plan;
pub mod side_by_side;
pub mod steps;
pub mod study;
pub mod what_if;
