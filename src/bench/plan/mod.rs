//! What is run: scenario and command line, resolved into a plan.
//!
//! [`scenario`] (of [`case`]s, a [`grid`], a [`link`], [`change`]s) and [`args`] give a [`plan`] of [`steps`] over the
//! [`state`]s of a [`go_command`] (whose flags are in [`go_flags`]), with one [`backend`] or two; [`duration`] guesses how long it takes.

pub mod duration;
pub mod go_command;
pub mod go_flags;
pub mod plan_error;
pub mod resolve_cases;
pub mod run_plan;
pub mod side_by_side;
pub mod steps;
pub mod what_if;
