//! Resources that the processes of a build and the machine used, summed up over the samples of a session.

use serde::{Deserialize, Serialize};

use crate::platform::{HostCounters, ProcessCounters};

/// Sums and peaks of a session's samples. `None` is what the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resources {
    /// Samples that were taken.
    pub samples: u64,
    /// From the first sample to the last, nanoseconds: the sums are of this time.
    pub interval_ns: u64,
    /// CPU time that taking them took.
    pub sampling_cpu_ns: Option<u64>,
    /// The backend.
    pub backend: Option<ProcessUse>,
    /// The go command and its descendants without the backend. Processes that live and end between two samples are in
    /// the sums, but may be missing in the peaks.
    pub go: Option<ProcessUse>,
    /// The embedded S3 server.
    pub s3: Option<ProcessUse>,
    /// The machine.
    pub host: HostUse,
    /// Resident memory of the backend over time: nanoseconds since its start, and bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<(u64, u64)>,
}

/// More points of a series than this are thinned out to half.
const MOST_POINTS: usize = 64;

/// Resources that processes used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProcessUse {
    /// CPU time.
    pub cpu_ns: Option<u64>,
    /// Bytes fetched from disk; what the page cache had is not among them.
    pub read_bytes: Option<u64>,
    /// Bytes that have gone, or will go, to disk.
    pub written_bytes: Option<u64>,
    /// Time in which a thread was ready and had no core; of threads that have ended what was last seen of them.
    pub run_queue_wait_ns: Option<u64>,
    /// Most resident memory; pages that processes share count once for each.
    pub peak_resident_bytes: Option<u64>,
    /// Most open file descriptors.
    pub peak_open_files: Option<u64>,
    /// Most processes.
    pub peak_processes: u64,
}

/// Resources that the machine used, for all its processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostUse {
    /// Cores that the kernel tells of: all of the machine, also where a container may use only some.
    #[serde(default)]
    pub cores: Option<u64>,
    /// CPU time of all of them together.
    pub cpu_ns: Option<u64>,
    /// CPU time of the core that had most to do.
    pub busiest_core_ns: Option<u64>,
    /// Time that other virtual machines took from the cores.
    pub steal_ns: Option<u64>,
    /// Most memory in use.
    pub peak_memory_bytes: Option<u64>,
    pub disk_read_bytes: Option<u64>,
    pub disk_written_bytes: Option<u64>,
    /// Bytes received, by the loopback interface too.
    pub received_bytes: Option<u64>,
    /// Bytes sent, by the loopback interface too.
    pub sent_bytes: Option<u64>,
    /// Time in which some process waited for a core, the disk, or memory.
    pub cpu_pressure_ns: Option<u64>,
    pub io_pressure_ns: Option<u64>,
    pub memory_pressure_ns: Option<u64>,
}

/// The counters of one moment.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    pub at_ns: u64,
    pub backend: Option<ProcessCounters>,
    pub go: Option<ProcessCounters>,
    pub s3: Option<ProcessCounters>,
    pub host: HostCounters,
}

impl Resources {
    /// Takes in the counters of one more moment; `first` are those of the first.
    pub fn take(&mut self, first: &Moment, now: &Moment) {
        self.samples += 1;
        self.interval_ns = now.at_ns.saturating_sub(first.at_ns);
        take_process(&mut self.backend, first.backend, now.backend);
        take_process(&mut self.go, first.go, now.go);
        take_process(&mut self.s3, first.s3, now.s3);
        self.host.take(&first.host, &now.host);
        let resident = now.backend.and_then(|backend| backend.resident_bytes);
        self.memory.extend(resident.map(|bytes| (now.at_ns, bytes)));
        if self.memory.len() > MOST_POINTS {
            let mut place = 0;
            self.memory.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }
}

impl Resources {
    /// Names of the values that the system does not have; none before the second sample.
    pub fn missing(&self) -> Vec<&'static str> {
        let host = &self.host;
        let missing = [
            (self.backend.is_some() && self.go.is_none(), "go and its children"),
            (host.cpu_ns.is_none(), "the machine's cores"),
            (host.cpu_pressure_ns.is_none(), "pressure (PSI)"),
            (host.disk_read_bytes.is_none(), "disks"),
            (host.received_bytes.is_none(), "network"),
        ];
        missing.into_iter().filter(|(is_missing, _)| *is_missing && self.samples > 1).map(|(_, what)| what).collect()
    }
}

/// A process that is gone leaves what was known of it.
fn take_process(sum: &mut Option<ProcessUse>, first: Option<ProcessCounters>, now: Option<ProcessCounters>) {
    if let (Some(first), Some(now)) = (first, now) {
        sum.get_or_insert_default().take(&first, &now);
    }
}

impl ProcessUse {
    fn take(&mut self, first: &ProcessCounters, now: &ProcessCounters) {
        // A sum never goes down: a child that ends while it is looked at may be missing in one sample.
        self.cpu_ns = self.cpu_ns.max(since(first.cpu_ns, now.cpu_ns));
        self.read_bytes = self.read_bytes.max(since(first.read_bytes, now.read_bytes));
        self.written_bytes = self.written_bytes.max(since(first.written_bytes, now.written_bytes));
        self.run_queue_wait_ns = self.run_queue_wait_ns.max(since(first.run_queue_wait_ns, now.run_queue_wait_ns));
        self.peak_resident_bytes = self.peak_resident_bytes.max(now.resident_bytes);
        self.peak_open_files = self.peak_open_files.max(now.open_files);
        self.peak_processes = self.peak_processes.max(now.processes);
    }
}

impl HostUse {
    fn take(&mut self, first: &HostCounters, now: &HostCounters) {
        let cores: Vec<u64> =
            now.core_busy_ns.iter().zip(&first.core_busy_ns).map(|(now, first)| now.saturating_sub(*first)).collect();
        *self = Self {
            cores: (!cores.is_empty()).then_some(cores.len() as u64),
            cpu_ns: (!cores.is_empty()).then(|| cores.iter().sum()),
            busiest_core_ns: cores.into_iter().max(),
            steal_ns: since(first.steal_ns, now.steal_ns),
            peak_memory_bytes: self.peak_memory_bytes.max(now.memory_used_bytes),
            disk_read_bytes: since(first.disk_read_bytes, now.disk_read_bytes),
            disk_written_bytes: since(first.disk_written_bytes, now.disk_written_bytes),
            received_bytes: since(first.received_bytes, now.received_bytes),
            sent_bytes: since(first.sent_bytes, now.sent_bytes),
            cpu_pressure_ns: since(first.cpu_pressure_ns, now.cpu_pressure_ns),
            io_pressure_ns: since(first.io_pressure_ns, now.io_pressure_ns),
            memory_pressure_ns: since(first.memory_pressure_ns, now.memory_pressure_ns),
        };
    }
}

/// How far a counter went; `None` where it is not known at both ends.
pub fn since(first: Option<u64>, now: Option<u64>) -> Option<u64> {
    Some(now?.saturating_sub(first?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(cpu_ns: u64, resident: u64) -> ProcessCounters {
        let (cpu_ns, resident_bytes) = (Some(cpu_ns), Some(resident));
        ProcessCounters { cpu_ns, resident_bytes, processes: 1, ..ProcessCounters::default() }
    }

    #[test]
    fn sums_are_between_first_and_last_and_never_go_down() {
        let at = |at_ns, go| Moment { at_ns, go, ..Moment::default() };
        let moments = [
            at(100, Some(process(1000, 7))),
            at(200, Some(process(1500, 50))),
            at(300, Some(process(1400, 9))),
            at(400, None),
        ];
        let mut resources = Resources::default();
        for moment in &moments {
            resources.take(&moments[0], moment);
        }
        assert_eq!((resources.samples, resources.interval_ns), (4, 300));
        let go = resources.go.unwrap();
        assert_eq!((go.cpu_ns, go.peak_resident_bytes, go.read_bytes), (Some(500), Some(50), None));
        assert_eq!(resources.s3, None);
    }

    #[test]
    fn what_the_system_does_not_tell_is_missing() {
        let host = |busy: &[u64]| HostCounters { core_busy_ns: busy.to_vec(), ..HostCounters::default() };
        let at = |busy: &[u64]| Moment { host: host(busy), ..Moment::default() };
        let mut resources = Resources::default();
        resources.take(&at(&[10, 20]), &at(&[15, 60]));
        assert_eq!((resources.host.cpu_ns, resources.host.busiest_core_ns), (Some(45), Some(40)));
        assert_eq!(resources.host.steal_ns, None);
        resources.samples = 2;
        assert_eq!(resources.missing(), ["pressure (PSI)", "disks", "network"]);
        resources = Resources::default();
        resources.take(&at(&[]), &at(&[]));
        assert_eq!(resources.host.cpu_ns, None);
    }
}
