//! The control group of this process, and its CPU quota: <https://docs.kernel.org/admin-guide/cgroup-v2.html>. Version 1 and 2,
//! found as go's runtime finds them.

use std::path::{Path, PathBuf};

/// Version of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

impl Version {
    /// The quota of the control group at `path`, in CPUs.
    pub fn quota(self, path: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<f64> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let (quota, period) = match self {
            Version::V1 => {
                let of = |name: &str| number(&read(&path.join(name))?);
                (of("cpu.cfs_quota_us")?, of("cpu.cfs_period_us")?)
            }
            Version::V2 => {
                let text = read(&path.join("cpu.max"))?;
                // "max" is no number: no limit.
                let (quota, period) = text.split_once(' ')?;
                (number(quota)?, number(period)?)
            }
        };
        // Version 1 writes "no limit" as -1.
        if quota > 0.0 && period > 0.0 { Some(quota / period) } else { None }
    }
}

/// The control group that limits the CPU time of this process.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    pub version: Version,
    /// Its folder.
    pub path: PathBuf,
    /// The folder where the hierarchy is mounted.
    pub mount: PathBuf,
}

impl Group {
    /// None where the process is in none that it can see.
    pub fn find(cgroup: &str, mounts: &str) -> Option<Group> {
        let (version, name) = name(cgroup)?;
        mounts.lines().find_map(|line| Group::below(line, version, name))
    }

    /// The group called `name`, if it is in the hierarchy of a line of mountinfo.
    fn below(line: &str, version: Version, name: &str) -> Option<Group> {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let (kind, options) = (after.next()?, after.nth(1)?);
        let is_wanted = match version {
            Version::V1 => kind == "cgroup" && options.split(',').any(|option| option == "cpu"),
            Version::V2 => kind == "cgroup2",
        };
        if !is_wanted {
            return None;
        }
        let mut fields = before.split(' ').skip(3);
        let (root, mount) = (unescaped(fields.next()?), PathBuf::from(unescaped(fields.next()?)));
        let below = Path::new(name).strip_prefix(&root).ok()?;
        // Outside of what this process can see.
        if below.starts_with("..") {
            return None;
        }
        Some(Group { version, path: mount.join(below), mount })
    }
}

/// Version and name of the group in `/proc/self/cgroup`. The controller is in one hierarchy only: that of version 1 where
/// it lists `cpu`, else that of version 2, which has the number 0.
fn name(cgroup: &str) -> Option<(Version, &str)> {
    let mut v2 = None;
    for line in cgroup.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if controllers.split(',').any(|controller| controller == "cpu") {
            return Some((Version::V1, name));
        }
        if number == "0" {
            v2 = v2.or(Some((Version::V2, name)));
        }
    }
    v2
}

/// A path of mountinfo, where a blank is `\040`.
fn unescaped(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(path.to_owned(), |path, (escaped, plain)| path.replace(escaped, plain))
}
