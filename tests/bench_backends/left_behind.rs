//! Processes of the Go backends that live on after go, as flags ask.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Setup;
use crate::common::wait_until;

/// The processes whose CACHE_DIR is `store`, by name.
fn alive(store: &Path) -> Vec<(i32, String)> {
    let processes = procfs::process::all_processes().unwrap().flatten();
    let uses_store = |process: &procfs::process::Process| {
        let environment = process.environ().unwrap_or_default();
        environment.get(OsStr::new("CACHE_DIR")).is_some_and(|folder| folder == store.as_os_str())
    };
    let named = |process: procfs::process::Process| Some((process.pid, process.stat().ok()?.comm));
    processes.filter(uses_store).filter_map(named).collect()
}

#[test]
fn processes_are_left_behind() {
    let setup = Setup::new("plain");
    for (flags, name) in [("-leave-child 60s", "sleep"), ("-hang-at-end", "plain")] {
        let mut go = setup.go(&["build", "./..."]);
        let program = format!("{} {flags}", setup.program);
        go.env("GOCACHEPROG", program).stderr(Stdio::null());
        assert!(go.status().unwrap().success(), "{flags}");
        let left = || alive(&setup.workspace.store());
        wait_until("only one process is left", || left().len() <= 1);
        let (pid, found) = left().pop().unwrap_or_else(|| panic!("{flags} left none"));
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        assert_eq!(found, name, "{flags}");
        wait_until("it has ended", || left().is_empty());
    }
}
