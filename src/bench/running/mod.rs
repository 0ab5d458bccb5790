//! Running it: [`run`] from start to end, [`prove`] of what is planted, [`runner`] over [`round`], and the check of each round's [`state`]; [`fleet`] for several machines.
//!
//! [`workload`] (of [`generated`], [`user_module`] under its [`user_settings`], [`changes`], [`module_copy`], [`tree`]) is what is built.
//! [`go`], [`gocache`], [`caches`], [`warm`], [`process`] for the builds, [`remote`], [`remote_env`], [`server`],
//! [`seed`] for the remote, [`backend_command`], [`session`] and [`build_log`] for what a backend left, [`interrupt`] and [`watcher`] for signals, [`folders`] and [`leftovers`] for where a run works,
//! [`repository`] and [`commit_build`] for backends of other commits.

mod advice;
pub mod backend_command;
pub mod build_log;
pub mod busy;
pub mod caches;
pub mod changes;
pub mod commit_build;
pub mod environment;
pub mod fleet;
pub mod folders;
pub mod generated;
pub mod go;
pub mod go_view;
pub mod go_workers;
pub mod gocache;
pub mod interrupt;
pub mod leftovers;
pub mod machine;
mod module_copy;
pub mod observe;
pub mod process;
pub mod profiles;
pub mod prove;
pub mod records;
pub mod remote;
pub mod remote_env;
pub mod repository;
pub mod round;
pub mod run;
pub mod run_marks;
pub mod runner;
pub mod seed;
pub mod server;
pub mod session;
pub mod state;
pub mod tree;
pub mod user_module;
pub mod user_settings;
pub mod warm;
pub mod watcher;
pub mod workload;
