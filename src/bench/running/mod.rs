//! Running it: [`run`] from start to end, [`runner`] over [`round`], and the check of each round's [`state`].
//!
//! [`go`], [`gocache`], [`workload`], [`warm`], [`process`] for the builds, [`remote`], [`remote_env`], [`server`] for the
//! remote, [`session`] and [`build_log`] for what a backend left, [`interrupt`] for signals.

pub mod build_log;
pub mod environment;
pub mod folders;
pub mod go;
pub mod go_view;
pub mod gocache;
pub mod interrupt;
pub mod observe;
pub mod process;
pub mod profiles;
pub mod records;
pub mod remote;
pub mod remote_env;
pub mod round;
pub mod run;
pub mod runner;
pub mod server;
pub mod session;
pub mod state;
pub mod warm;
pub mod workload;
