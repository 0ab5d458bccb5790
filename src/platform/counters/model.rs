//! What is counted, the same on every system.

/// Resources that processes have used so far and hold now. Values that the system does not have are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessCounters {
    /// CPU time so far, of children that were waited for too.
    pub cpu_ns: Option<u64>,
    /// Bytes fetched from disk so far.
    pub read_bytes: Option<u64>,
    /// Bytes that have gone, or will go, to disk so far.
    pub written_bytes: Option<u64>,
    /// Time in which a thread was ready and had no core, so far.
    pub run_queue_wait_ns: Option<u64>,
    /// Resident memory now. Pages that processes share count once for each.
    pub resident_bytes: Option<u64>,
    /// Open file descriptors now.
    pub open_files: Option<u64>,
    /// Processes now.
    pub processes: u64,
}

/// Resources that the machine has used so far and holds now. Values that the system does not have are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostCounters {
    /// Time that each core was busy so far.
    pub core_busy_ns: Vec<u64>,
    /// Time that other virtual machines took from the cores so far.
    pub steal_ns: Option<u64>,
    /// Memory that could not be given to a program now.
    pub memory_used_bytes: Option<u64>,
    /// Bytes read from disks so far.
    pub disk_read_bytes: Option<u64>,
    /// Bytes written to disks so far.
    pub disk_written_bytes: Option<u64>,
    /// Bytes received so far, by the loopback interface too.
    pub received_bytes: Option<u64>,
    /// Bytes sent so far, by the loopback interface too.
    pub sent_bytes: Option<u64>,
    /// Time so far in which some process waited for a core, the disk, or memory (the `some` lines of
    /// <https://docs.kernel.org/accounting/psi.html>).
    pub cpu_pressure_ns: Option<u64>,
    pub io_pressure_ns: Option<u64>,
    pub memory_pressure_ns: Option<u64>,
}

#[cfg(target_os = "linux")]
impl ProcessCounters {
    /// Adds another process. A sum of which a part is not known is not known.
    pub(super) fn add(&mut self, other: &Self) {
        let sum = |one: Option<u64>, two: Option<u64>| Some(one? + two?);
        self.cpu_ns = sum(self.cpu_ns, other.cpu_ns);
        self.read_bytes = sum(self.read_bytes, other.read_bytes);
        self.written_bytes = sum(self.written_bytes, other.written_bytes);
        self.resident_bytes = sum(self.resident_bytes, other.resident_bytes);
        self.open_files = sum(self.open_files, other.open_files);
        self.processes += other.processes;
    }
}
