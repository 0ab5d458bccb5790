//! What is run: scenario and command line, resolved into a plan.
//!
//! [`scenario`] and [`args`] give a [`plan`] of steps over the [`leg`]s; [`outline`] prints it for `--dry-run`.

pub mod args;
pub mod leg;
pub mod nearest;
pub mod outline;
pub mod plan;
pub mod scenario;
