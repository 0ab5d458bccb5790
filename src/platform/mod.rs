//! All that differs between operating systems (Linux is complete, macOS has what its system offers), the time of day, and
//! fault injection. Knows no other module.

#[cfg(windows)]
compile_error!("Windows is not supported: build on Linux or macOS, or in WSL");

pub mod clock;
mod control_group;
mod counters;
mod descendants;
pub mod fault_injection;
mod go_version;
pub mod heap;
mod host;
mod open_files;
mod orphans;
mod pipe;
mod priority;
mod temporary;
mod usage;
mod workers;

pub use counters::{Counters, HostCounters, ProcessCounters, own_run_queue_wait_ns};
pub use descendants::{adopt_orphans, descendants};
pub use go_version::parent_go_version;
pub use host::{NO_CONFIG, file_system_of, ignores_hangup, private_config, settle_disk, switch_off_telemetry};
pub use open_files::{files_for_remote, open_files_limit, raise_open_files_limit};
pub use orphans::Orphanage;
pub use pipe::enlarge;
pub use priority::step_back;
pub use temporary::{find_user_temporary_folder, system_temporary_folder, user_temporary_folder};
pub use usage::{Usage, thread_cpu, usage};
pub use workers::Cpus;
