//! The subcommands of `bench`: each parses its arguments, calls the other modules and prints.

pub mod compare;
pub mod diff;
pub mod overhead;
pub mod recorder;
pub mod report;
pub mod run;
pub mod scaling;
pub mod selftest;
pub mod tap;
pub mod watch;
