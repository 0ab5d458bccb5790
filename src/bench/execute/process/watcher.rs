//! A process that ends what bench started when bench itself dies without a chance to: by SIGKILL, or for want of memory.
//!
//! It reads orders from a pipe of which only bench has the other end, so the end of the pipe is the end of bench.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// The command of bench that is this process.
const COMMAND: &str = "watcher";

/// The watching process, as bench sees it. It ends when this is dropped, or bench is gone.
#[derive(Debug)]
pub struct Watcher(Mutex<ChildStdin>);

impl Watcher {
    /// Starts the process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start() -> std::io::Result<Watcher> {
        let mut command = Command::new(std::env::current_exe()?);
        // In another process group, where no signal of the terminal reaches it, and without bench's output: a reader of that
        // waits for the end of bench only.
        command.arg(COMMAND).process_group(0).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let orders = command.spawn()?.stdin.take();
        orders.map(|orders| Watcher(Mutex::new(orders))).ok_or_else(|| std::io::Error::other("it has no input"))
    }

    /// From now on the process group is ended when bench dies.
    pub fn cover(&self, group: Pid) {
        self.tell(&format!("cover {group}"));
    }

    /// From now on it is not.
    pub fn uncover(&self, group: Pid) {
        self.tell(&format!("uncover {group}"));
    }

    /// Removes a temporary folder when bench dies, unless bench has done so.
    pub fn remove_at_end(&self, folder: &Path) {
        if let Some(folder) = folder.to_str().filter(|folder| !folder.contains('\n')) {
            self.tell(&format!("remove {folder}"));
        }
    }

    /// A watcher that is gone cannot be helped: the work goes on without.
    fn tell(&self, order: &str) {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = orders.write_all(format!("{order}\n").as_bytes());
    }
}

/// The orders that still count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Orders {
    groups: BTreeSet<i32>,
    folders: Vec<PathBuf>,
}

impl Orders {
    fn read(input: impl BufRead) -> Orders {
        let mut orders = Orders::default();
        for line in input.lines().map_while(Result::ok) {
            orders.take(&line);
        }
        orders
    }

    fn take(&mut self, line: &str) {
        let Some((order, what)) = line.split_once(' ') else { return };
        // The groups 0 and 1, and negative ones, would be many more than one.
        let group = what.parse::<i32>().ok().filter(|group| *group > 1);
        match (order, group) {
            ("cover", Some(group)) => drop(self.groups.insert(group)),
            ("uncover", Some(group)) => drop(self.groups.remove(&group)),
            ("remove", _) => self.folders.push(what.into()),
            _ => {}
        }
    }

    fn carry_out(&self) {
        for group in &self.groups {
            // An error says that there is none of that number any more.
            let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
        }
        for folder in &self.folders {
            // A process that was ended just now may have written meanwhile.
            for _ in 0..3 {
                let _ = std::fs::remove_dir_all(folder);
            }
        }
    }
}

/// The work of the process: reads orders until bench has gone, and carries out those that still count.
pub fn watch() {
    let is_signalled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        // Whoever ends all processes of this name must not end this one first.
        let _ = signal_hook::flag::register(signal, Arc::clone(&is_signalled));
    }
    Orders::read(std::io::stdin().lock()).carry_out();
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn only_what_is_still_covered_counts() {
        let orders = Orders::read(
            "cover 12\ncover 13\nuncover 12\nremove /tmp/a b\ncover 1\ncover -5\ncover x\nnonsense\n".as_bytes(),
        );
        let expected = Orders { groups: BTreeSet::from([13]), folders: vec!["/tmp/a b".into()] };
        assert_eq!(orders, expected);
    }

    #[test]
    fn groups_end_and_folders_go() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("checkout");
        std::fs::create_dir_all(folder.join("files")).unwrap();
        let mut child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        Orders::read(format!("cover {}\nremove {}\n", child.id(), folder.display()).as_bytes()).carry_out();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!folder.exists());
    }
}
