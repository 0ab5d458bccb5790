//! The counters from `/proc`, by the procfs crate: <https://docs.kernel.org/filesystems/proc.html>.

use std::cell::RefCell;
use std::collections::HashMap;

use procfs::process::{Process, Stat, Task};
use procfs::{Current, CurrentSI, PressureRecord};

use crate::platform::counters::model::{HostCounters, ProcessCounters};
use crate::platform::usage;

/// The unit of `/proc/diskstats`, whatever the disk has.
const SECTOR_BYTES: u64 = 512;
/// Block devices that stand for others, or for memory: what they do is counted elsewhere, or costs no disk.
const NO_DISKS: [&str; 5] = ["loop", "ram", "zram", "dm-", "md"];

/// Reads counters. Holds what does not change while a program runs, and what of it ends with a thread.
pub struct Counters {
    ns_per_tick: u64,
    page_bytes: u64,
    disks: Vec<String>,
    /// By the process that was asked for.
    waits: RefCell<HashMap<u32, Waits>>,
}

/// How long the threads of a tree waited for a core. The kernel forgets it with each thread, so what was last seen of
/// those that have ended is kept.
#[derive(Default)]
struct Waits {
    by_thread: HashMap<i32, u64>,
    /// Waits of threads whose number has gone to another.
    before_ns: u64,
}

impl Waits {
    fn note(&mut self, thread: i32, ns: u64) {
        let known = self.by_thread.entry(thread).or_default();
        if ns < *known {
            self.before_ns += *known;
        }
        *known = ns;
    }

    fn total_ns(&self) -> Option<u64> {
        (!self.by_thread.is_empty()).then(|| self.before_ns + self.by_thread.values().sum::<u64>())
    }
}

impl Default for Counters {
    fn default() -> Self {
        let entries = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let disks = names.filter(|name| !NO_DISKS.iter().any(|prefix| name.starts_with(prefix))).collect();
        Self {
            ns_per_tick: 1_000_000_000 / procfs::ticks_per_second(),
            page_bytes: procfs::page_size(),
            disks,
            waits: RefCell::default(),
        }
    }
}

impl Counters {
    /// Counters of one process, and how long its threads were seen to wait for a core; `None` when there is none of that number.
    pub fn process(&self, pid: u32) -> Option<ProcessCounters> {
        let process = Process::new(i32::try_from(pid).ok()?).ok()?;
        let counters = self.read(&process, &process.stat().ok()?)?;
        process.tasks().ok()?.flatten().for_each(|task| self.note_wait(pid, &task));
        Some(ProcessCounters { run_queue_wait_ns: self.waited_ns(pid), ..counters })
    }

    /// Counters of this process: CPU time to the microsecond.
    pub fn this_process(&self) -> Option<ProcessCounters> {
        Some(ProcessCounters { cpu_ns: usage().cpu_ns(), ..self.process(std::process::id())? })
    }

    /// Counters of a process and its descendants, but for the child `without` and its own. Their waiting for a core lacks what
    /// came after the last look at a thread.
    pub fn tree(&self, root: u32, without: u32) -> Option<ProcessCounters> {
        let mut sum = None;
        let mut left = vec![root];
        while let Some(pid) = left.pop() {
            let Ok(process) = Process::new(i32::try_from(pid).ok()?) else { continue };
            // Before its children: the time of one that ends in between is missing once instead of counted twice.
            let Some(counters) = process.stat().ok().and_then(|stat| self.read(&process, &stat)) else { continue };
            match &mut sum {
                None => sum = Some(counters),
                Some(sum) => sum.add(&counters),
            }
            for task in process.tasks().into_iter().flatten().flatten() {
                self.note_wait(root, &task);
                left.extend(task.children().unwrap_or_default().into_iter().filter(|child| *child != without));
            }
        }
        sum.map(|sum| ProcessCounters { run_queue_wait_ns: self.waited_ns(root), ..sum })
    }

    fn note_wait(&self, root: u32, task: &Task) {
        if let Ok(schedule) = task.schedstat() {
            self.waits.borrow_mut().entry(root).or_default().note(task.tid, schedule.run_delay);
        }
    }

    fn waited_ns(&self, root: u32) -> Option<u64> {
        self.waits.borrow().get(&root)?.total_ns()
    }

    fn read(&self, process: &Process, stat: &Stat) -> Option<ProcessCounters> {
        let of_children = u64::try_from(stat.cutime + stat.cstime).ok()?;
        let io = process.io().ok();
        Some(ProcessCounters {
            cpu_ns: Some((stat.utime + stat.stime + of_children) * self.ns_per_tick),
            read_bytes: io.as_ref().map(|io| io.read_bytes),
            written_bytes: io.as_ref().map(|io| io.write_bytes),
            run_queue_wait_ns: None,
            resident_bytes: Some(stat.rss * self.page_bytes),
            open_files: process.fd_count().ok().map(|files| files as u64),
            processes: 1,
        })
    }

    /// Counters of the machine.
    pub fn host(&self) -> HostCounters {
        let cpu = procfs::KernelStats::current().ok();
        let ns = |ticks: u64| ticks * self.ns_per_tick;
        let cores = cpu.as_ref().map(|cpu| cpu.cpu_time.as_slice()).unwrap_or_default();
        let busy = cores
            .iter()
            .map(|core| ns(core.user + core.nice + core.system + core.irq.unwrap_or(0) + core.softirq.unwrap_or(0)));
        let (disk_read_bytes, disk_written_bytes) = self.disk_bytes().unzip();
        let (received_bytes, sent_bytes) = network_bytes().unzip();
        let memory = procfs::Meminfo::current().ok();
        let pressure = |record: PressureRecord| record.total * 1000;
        HostCounters {
            core_busy_ns: busy.collect(),
            steal_ns: cpu.as_ref().and_then(|cpu| cpu.total.steal).map(ns),
            memory_used_bytes: memory.and_then(|memory| memory.mem_total.checked_sub(memory.mem_available?)),
            disk_read_bytes,
            disk_written_bytes,
            received_bytes,
            sent_bytes,
            cpu_pressure_ns: procfs::CpuPressure::current().ok().map(|it| pressure(it.some)),
            io_pressure_ns: procfs::IoPressure::current().ok().map(|it| pressure(it.some)),
            memory_pressure_ns: procfs::MemoryPressure::current().ok().map(|it| pressure(it.some)),
        }
    }

    fn disk_bytes(&self) -> Option<(u64, u64)> {
        let stats = procfs::diskstats().ok()?;
        let disks = stats.iter().filter(|disk| self.disks.contains(&disk.name));
        let sectors = disks.fold((0, 0), |sum, disk| (sum.0 + disk.sectors_read, sum.1 + disk.sectors_written));
        Some((sectors.0 * SECTOR_BYTES, sectors.1 * SECTOR_BYTES))
    }
}

fn network_bytes() -> Option<(u64, u64)> {
    let devices = procfs::net::dev_status().ok()?;
    Some(devices.values().fold((0, 0), |sum, device| (sum.0 + device.recv_bytes, sum.1 + device.sent_bytes)))
}

/// Time in which a thread of this process was ready and had no core, so far: of the threads that live.
pub fn own_run_queue_wait_ns() -> Option<u64> {
    let tasks = Process::myself().ok()?.tasks().ok()?;
    tasks.flatten().map(|task| Some(task.schedstat().ok()?.run_delay)).sum()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_tree_has_its_descendants_but_for_the_one_left_out() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 30 & sh -c 'sleep 30; true' & wait"]).stdout(Stdio::null());
        let mut child = shell.spawn().unwrap();
        let counters = Counters::default();
        let tree = |without| counters.tree(child.id(), without).unwrap();
        let began = std::time::Instant::now();
        while tree(0).processes < 4 && began.elapsed().as_secs() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let whole = tree(0);
        let children = Process::new(child.id() as i32).unwrap().task_main_thread().unwrap().children().unwrap();
        let left_out = tree(*children.last().unwrap());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::SIGKILL).unwrap();
        for pid in children {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::SIGKILL);
        }
        child.wait().unwrap();
        assert_eq!((whole.processes, left_out.processes), (4, 2));
        let knows_waits = Process::myself().unwrap().task_main_thread().unwrap().schedstat().is_ok();
        assert_eq!(whole.run_queue_wait_ns.is_some(), knows_waits);
        assert!(whole.resident_bytes > left_out.resident_bytes, "{whole:?} {left_out:?}");
    }

    #[test]
    fn what_a_thread_waited_outlives_it() {
        let mut waits = Waits::default();
        assert_eq!(waits.total_ns(), None);
        for (thread, ns) in [(1, 5), (2, 3), (1, 9), (2, 1), (1, 9)] {
            waits.note(thread, ns);
        }
        assert_eq!(waits.total_ns(), Some(9 + 3 + 1));
    }

    #[test]
    fn this_process_and_the_machine_only_go_up() {
        let counters = Counters::default();
        let (own, host) = (counters.this_process().unwrap(), counters.host());
        let work = (0..30_000_000_u64).fold(1_u64, |sum, n| sum.wrapping_mul(n | 1));
        assert_ne!(std::hint::black_box(work), 0);
        let (own_later, host_later) = (counters.this_process().unwrap(), counters.host());
        assert!(own_later.cpu_ns > own.cpu_ns);
        assert!(own_later.open_files.unwrap() >= 3);
        assert_eq!(host.core_busy_ns.len(), host_later.core_busy_ns.len());
        assert!(host.core_busy_ns.iter().zip(&host_later.core_busy_ns).all(|(before, after)| before <= after));
        assert!(host_later.memory_used_bytes.unwrap() > own_later.resident_bytes.unwrap());
    }
}
