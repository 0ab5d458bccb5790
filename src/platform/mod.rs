//! All that differs between operating systems. Linux is complete; macOS works with what it tells.

#[cfg(windows)]
compile_error!("Windows is not supported: build on Linux or macOS, or in WSL");

mod control_group;
mod counters;
mod go_version;
pub mod heap;
mod host;
mod open_files;
mod pipe;
mod priority;
mod stderr;
mod temporary;
mod usage;
mod workers;

pub use counters::{Counters, HostCounters, ProcessCounters, own_run_queue_wait_ns};
pub use go_version::parent_go_version;
pub use host::{NO_CONFIG, file_system_of, ignores_hangup, private_config, settle_disk, switch_off_telemetry};
pub use open_files::{files_for_remote, open_files_limit, raise_open_files_limit};
pub use pipe::enlarge;
pub use priority::step_back;
pub use stderr::let_go_of_stderr;
pub use temporary::{find_user_temporary_folder, system_temporary_folder, user_temporary_folder};
pub use usage::{Usage, thread_cpu, usage};
pub use workers::Cpus;
