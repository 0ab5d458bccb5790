//! The processes below this one.

/// Number and name of each process below this one that has not ended, the children first. Empty where the system does not tell.
#[cfg(target_os = "linux")]
pub fn descendants() -> Vec<(u32, String)> {
    use procfs::process::Process;

    let mut found = Vec::new();
    let mut left = vec![std::process::id()];
    while let Some(parent) = left.pop() {
        for pid in children(parent) {
            left.push(pid);
            let stat = i32::try_from(pid).ok().and_then(|pid| Process::new(pid).ok()?.stat().ok());
            // One that has ended and was not waited for is no process any more.
            found.extend(stat.filter(|stat| stat.state != 'Z').map(|stat| (pid, stat.comm)));
        }
    }
    found
}

/// The children of a process, also those that have ended and were not waited for.
#[cfg(target_os = "linux")]
pub fn children(parent: u32) -> Vec<u32> {
    use procfs::process::Process;

    let process = i32::try_from(parent).ok().and_then(|pid| Process::new(pid).ok());
    let tasks = process.iter().flat_map(Process::tasks).flatten().flatten();
    tasks.flat_map(|task| task.children().unwrap_or_default()).collect()
}

/// Number and name of each process below this one that has not ended, the children first. Empty where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn descendants() -> Vec<(u32, String)> {
    Vec::new()
}

/// Lets orphans below this process become its children, where the system can do that.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Without it such processes are not seen, and all else works.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_is_seen_while_it_lives() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let is_seen = |pid: u32| descendants().iter().any(|(other, name)| *other == pid && name == "sleep");
        while !is_seen(child.id()) {
            // Until it has become the other program it has our name.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_seen(child.id()));
    }
}
