//! The counters where there is no `/proc`: what sysinfo tells of single processes, cores, memory, disks and network.

use std::sync::Mutex;

use sysinfo::{
    DiskUsage, Disks, MemoryRefreshKind, NetworkData, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System,
};

use crate::platform::counters::model::{HostCounters, ProcessCounters};

/// Reads counters.
pub struct Counters {
    /// `None` where sysinfo does not know the system.
    system: Option<Mutex<System>>,
}

impl Default for Counters {
    fn default() -> Self {
        Self { system: System::new().ok().map(Mutex::new) }
    }
}

impl Counters {
    /// Counters of one process; `None` when there is none of that number.
    pub fn process(&self, pid: u32) -> Option<ProcessCounters> {
        let mut system = self.system.as_ref()?.lock().expect("no reader panics");
        let pid = Pid::from_u32(pid);
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let process = system.process(pid)?;
        let disk = process.disk_usage();
        Some(ProcessCounters {
            cpu_ns: Some(process.accumulated_cpu_time() * 1_000_000),
            read_bytes: Some(disk.total_read_bytes),
            written_bytes: Some(disk.total_written_bytes),
            run_queue_wait_ns: None,
            resident_bytes: Some(process.memory()),
            open_files: process.open_files().map(|files| files as u64),
            processes: 1,
        })
    }

    /// Counters of this process.
    pub fn this_process(&self) -> Option<ProcessCounters> {
        self.process(std::process::id())
    }

    /// Counters of a process and its descendants: looking for those takes milliseconds, so it is not done here.
    pub fn tree(&self, _root: u32, _without: u32) -> Option<ProcessCounters> {
        None
    }

    /// Counters of the machine.
    pub fn host(&self) -> HostCounters {
        let networks = Networks::new_with_refreshed_list().ok();
        let network = |bytes: fn(&NetworkData) -> u64| Some(networks.as_ref()?.values().map(bytes).sum());
        let disks = Disks::new_with_refreshed_list().ok();
        let disk = |bytes: fn(DiskUsage) -> u64| Some(disks.as_ref()?.iter().map(|disk| bytes(disk.usage())).sum());
        HostCounters {
            memory_used_bytes: self.memory_used_bytes(),
            disk_read_bytes: disk(|usage| usage.total_read_bytes),
            disk_written_bytes: disk(|usage| usage.total_written_bytes),
            received_bytes: network(NetworkData::total_received),
            sent_bytes: network(NetworkData::total_transmitted),
            ..HostCounters::default()
        }
    }

    fn memory_used_bytes(&self) -> Option<u64> {
        let mut system = self.system.as_ref()?.lock().expect("no reader panics");
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        system.total_memory().checked_sub(system.available_memory())
    }
}

/// sysinfo does not tell of waiting for cores.
pub fn own_run_queue_wait_ns() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_of_this_process_and_of_the_machine() {
        let counters = Counters::default();
        let own = counters.this_process().unwrap();
        assert!(own.resident_bytes.unwrap() > 0 && own.cpu_ns.is_some(), "{own:?}");
        assert_eq!(counters.process(u32::MAX - 1), None);
        assert_eq!((counters.tree(std::process::id(), 0), own_run_queue_wait_ns()), (None, None));
        assert!(counters.host().memory_used_bytes.unwrap() > 0);
    }
}
