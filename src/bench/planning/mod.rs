//! What is run: scenario and command line, resolved into a plan.
//!
//! [`scenario`] (of [`case`]s, a [`grid`], a [`link`], [`change`]s) and [`args`] give a [`plan`] of [`steps`] over the
//! [`leg`]s of a [`go_command`] (whose flags are in [`go_flags`]), with one [`backend`] or two; [`outline`] prints it for `--dry-run`.

pub mod args;
pub mod backend;
pub mod bottleneck;
pub mod case;
pub mod change;
pub mod ci;
pub mod go_command;
pub mod go_flags;
pub mod grid;
pub mod leg;
pub mod link;
pub mod nearest;
pub mod outline;
pub mod plan;
pub mod plan_error;
mod resolve_cases;
pub mod scenario;
pub mod scenario_error;
pub mod steps;
pub mod what_if;
