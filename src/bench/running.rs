//! Running it: [`run`] from start to end, [`prove`] of what is planted, [`runner`] over [`round`], and the check of each round's [`state`]; [`fleet`] for several machines.
//!
//! [`workload`] (of [`generated`], [`user_module`] under its [`user_settings`], [`changes`], [`module_copy`], [`tree`]) is what is built.
//! [`go`], [`gocache`], [`caches`], [`warm`], [`process`] for the builds, [`remote`], [`remote_env`], [`server`],
//! [`seed`] for the remote, [`backend_command`], [`session`] and [`build_log`] for what a backend left, [`interrupt`] and [`watcher`] for signals, [`folders`] and [`leftovers`] for where a run works,
//! [`repository`] and [`commit_build`] for backends of other commits.
