//! CPUs that this process may use, and the workers that a go of its machine has, counted as go's runtime counts them
//! (`runtime/cgroup_linux.go` and `internal/runtime/cgroup`).

use std::path::Path;

use crate::platform::control_group::Group;

/// The first minor release of Go 1 that looks at the CPU quota of its control group.
const QUOTA_SINCE_MINOR: u32 = 25;
/// A quota below this counts as this: go wants to run its garbage collector beside the program.
const FEWEST_BY_QUOTA: usize = 2;

/// The CPUs of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cpus {
    /// CPUs that the scheduler may give to this process (`taskset`, cpusets).
    affinity: usize,
    /// Quota of the control group of this process, in CPUs; None where it has none. go reads this one only.
    own_quota: Option<f64>,
    /// The smallest quota of this control group and those above it, in CPUs.
    smallest_quota: Option<f64>,
}

impl Cpus {
    /// Asks the system.
    pub fn here() -> Cpus {
        let [cgroup, mounts] =
            ["/proc/self/cgroup", "/proc/self/mountinfo"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
        Cpus::from(affinity(), &cgroup, &mounts, &|path| std::fs::read_to_string(path).ok())
    }

    /// From the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`; `read` gives the text of a file of a control group.
    fn from(affinity: usize, cgroup: &str, mounts: &str, read: &dyn Fn(&Path) -> Option<String>) -> Cpus {
        let Some(group) = Group::find(cgroup, mounts) else {
            return Cpus { affinity, own_quota: None, smallest_quota: None };
        };
        let quotas = group.path.ancestors().take_while(|path| path.starts_with(&group.mount));
        let quotas: Vec<Option<f64>> = quotas.map(|path| group.version.quota(path, read)).collect();
        Cpus {
            affinity,
            own_quota: quotas.first().copied().flatten(),
            smallest_quota: quotas.into_iter().flatten().reduce(f64::min),
        }
    }

    /// CPUs that this process may use at once, at least 1: a quota of 150 % takes two.
    pub fn cores(&self) -> usize {
        let by_quota = self.smallest_quota.map_or(self.affinity, |quota| quota.ceil() as usize);
        self.affinity.min(by_quota).max(1)
    }

    /// GOMAXPROCS of a go of `version` (like `go1.26.8`), which `variable` gives the variables of.
    pub fn go_workers(&self, version: &str, variable: impl Fn(&str) -> Option<String>) -> usize {
        let asked = variable("GOMAXPROCS").and_then(|text| text.parse::<i32>().ok());
        if let Some(asked) = asked.and_then(|asked| usize::try_from(asked).ok()).filter(|asked| *asked > 0) {
            return asked;
        }
        let looks_at_quota = minor(version).is_none_or(|minor| minor >= QUOTA_SINCE_MINOR)
            && !switched_off(&variable("GODEBUG").unwrap_or_default());
        match self.own_quota {
            Some(quota) if looks_at_quota => self.affinity.min((quota.ceil() as usize).max(FEWEST_BY_QUOTA)),
            _ => self.affinity,
        }
    }
}

/// 26 of `go1.26.8`; None of what names no release, which is newer than all.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("go1.")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// True if GODEBUG says that quotas do not count. The last word about it wins.
fn switched_off(godebug: &str) -> bool {
    let last = godebug.rsplit(',').find_map(|word| word.strip_prefix("containermaxprocs="));
    last.is_some_and(|value| value == "0")
}

#[cfg(target_os = "linux")]
fn affinity() -> usize {
    let set = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0));
    match set {
        Ok(set) => (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu) == Ok(true)).count().max(1),
        // A machine with more CPUs than the set has room for.
        Err(_) => parallelism(),
    }
}

#[cfg(not(target_os = "linux"))]
fn affinity() -> usize {
    parallelism()
}

fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
                      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
                      33 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    /// A machine with 8 CPUs; `files` are those of control groups.
    fn cpus(cgroup: &str, mounts: &str, files: &[(&str, &str)]) -> Cpus {
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        Cpus::from(8, cgroup, mounts, &read)
    }

    fn unset(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_quota_counts_as_go_rounds_it() {
        for (limit, cores, workers) in [
            ("150000 100000\n", 2, 2),
            ("50000 100000\n", 1, 2),
            ("250000 100000\n", 3, 3),
            ("300000 100000\n", 3, 3),
            ("900000 100000\n", 8, 8),
            ("max 100000\n", 8, 8),
            ("nonsense\n", 8, 8),
            ("100000 0\n", 8, 8),
        ] {
            let cpus = cpus("0::/app\n", V2, &[("/sys/fs/cgroup/app/cpu.max", limit)]);
            assert_eq!((cpus.cores(), cpus.go_workers("go1.26.8", unset)), (cores, workers), "{limit}");
            assert_eq!(cpus.go_workers("go1.24.11", unset), 8, "1.24 does not look at it");
        }
    }

    #[test]
    fn version_1_has_the_quota_in_two_files() {
        let cgroup = "5:memory:/a\n4:cpu,cpuacct:/a/b\n3:cpuset:/\n0::/x\n";
        let quota = |quota: &'static str| {
            let folder = "/sys/fs/cgroup/cpu,cpuacct/a/b";
            let (one, two) = (format!("{folder}/cpu.cfs_quota_us"), format!("{folder}/cpu.cfs_period_us"));
            cpus(cgroup, V1, &[(one.as_str(), quota), (two.as_str(), "100000\n")])
        };
        assert_eq!(quota("150000\n").go_workers("go1.25.0", unset), 2);
        assert_eq!(quota("350000\n").go_workers("go1.25rc1", unset), 4);
        assert_eq!(quota("-1\n").go_workers("go1.26.0", unset), 8);
    }

    #[test]
    fn a_group_above_limits_the_cores_but_go_looks_at_its_own_only() {
        let files = [
            ("/sys/fs/cgroup/a/cpu.max", "300000 100000\n"),
            ("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/a/b/c/cpu.max", "500000 100000\n"),
        ];
        let cpus = cpus("0::/a/b/c\n", V2, &files);
        assert_eq!((cpus.cores(), cpus.go_workers("go1.26.8", unset)), (3, 5));
    }

    #[test]
    fn the_mount_may_show_a_part_of_the_hierarchy() {
        let docker = "9 8 0:28 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup ro\n";
        let files = [("/sys/fs/cgroup/cpu.max", "300000 100000\n"), ("/sys/fs/cgroup/in/cpu.max", "400000 100000\n")];
        let workers = |group: &str, mounts: &str| cpus(group, mounts, &files).go_workers("go1.26.8", unset);
        assert_eq!(workers("0::/docker/1\n", docker), 3);
        assert_eq!(workers("0::/docker/1/in\n", docker), 4);
        assert_eq!(workers("0::/docker/12\n", docker), 8, "another group whose name begins as this one");
        assert_eq!(workers("0::/../elsewhere\n", V2), 8, "outside of what can be seen");
        assert_eq!(workers("0::/\n", V2), 3);
        let blank = "9 8 0:28 / /sys/fs/c\\040group rw - cgroup2 cgroup rw\n";
        let there = cpus("0::/a\n", blank, &[("/sys/fs/c group/a/cpu.max", "400000 100000\n")]);
        assert_eq!(there.go_workers("go1.26.8", unset), 4);
    }

    #[test]
    fn without_control_groups_the_affinity_counts() {
        for (cgroup, mounts) in [("", ""), ("0::/a\n", ""), ("nonsense\n", "nonsense\n"), ("3:memory:/\n", V1)] {
            let cpus = cpus(cgroup, mounts, &[]);
            assert_eq!((cpus.cores(), cpus.go_workers("go1.26.8", unset)), (8, 8), "{cgroup:?} {mounts:?}");
        }
    }

    #[test]
    fn settings_win() {
        let cpus = cpus("0::/a\n", V2, &[("/sys/fs/cgroup/a/cpu.max", "300000 100000\n")]);
        let with = |name: &'static str, value: &'static str| {
            cpus.go_workers("go1.26.8", |asked| if asked == name { Some(value.to_owned()) } else { None })
        };
        assert_eq!((with("GOMAXPROCS", "16"), with("GOMAXPROCS", "1")), (16, 1));
        for nonsense in ["", "0", "-1", "many"] {
            assert_eq!(with("GOMAXPROCS", nonsense), 3, "{nonsense:?}");
        }
        assert_eq!(with("GODEBUG", "containermaxprocs=0"), 8);
        assert_eq!(with("GODEBUG", "a=1,containermaxprocs=0,b=2"), 8);
        assert_eq!(with("GODEBUG", "containermaxprocs=0,containermaxprocs=1"), 3);
        assert_eq!(cpus.go_workers("devel", unset), 3, "what names no release is newer than all");
    }

    #[test]
    fn this_machine_has_cpus() {
        let cpus = Cpus::here();
        let most = std::thread::available_parallelism().unwrap().get();
        assert!(cpus.cores() >= most, "rounded up, never down: {cpus:?}");
        assert!(cpus.go_workers("go1.24.0", unset) >= cpus.cores());
    }
}
