//! The machine that bench runs on: file system types, settling the disk, ignored signals, go's private home.

use std::path::Path;
use std::process::Command;

/// The type of the file system that holds `path` (`ext4`, `apfs`); None where the system does not say.
#[cfg(target_os = "linux")]
pub fn file_system_of(path: &Path) -> Option<String> {
    // sysinfo leaves out what is no disk, and the root of a container is none.
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let path = path.canonicalize().ok()?;
    file_system_in(&mounts, &path)
}

/// The type in a mount table: the mount point nearest to the path wins, and of two at one place the later.
#[cfg(target_os = "linux")]
fn file_system_in(mounts: &str, path: &Path) -> Option<String> {
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    fields
        .filter(|(mount, _)| path.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map(|(_, kind)| kind.to_owned())
}

/// The type of the file system that holds `path` (`ext4`, `apfs`); None where the system does not say.
#[cfg(not(target_os = "linux"))]
pub fn file_system_of(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    disks
        .iter()
        .filter(|disk| path.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len())
        .map(|disk| disk.file_system().to_string_lossy().into_owned())
}

/// Writes out what the last run left in the page cache of `folder`'s file system, so that the next does not pay for it.
pub fn settle_disk(folder: &Path) {
    #[cfg(target_os = "linux")]
    if let Ok(folder) = std::fs::File::open(folder) {
        // A file system that cannot sync only makes the next run noisier.
        let _ = nix::unistd::syncfs(&folder);
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        nix::unistd::sync();
    }
}

/// True if bench was started with SIGHUP ignored, as `nohup` does; no where the system does not say.
pub fn ignores_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup_in(&status))
}

/// The mask has a bit for each signal, from 1, and SIGHUP is 1.
fn ignores_hangup_in(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// A folder of settings for a go that is only asked a question. Nothing can be written below it, so nothing can be left behind.
pub const NO_CONFIG: &str = "/dev/null";

/// Switches off go's counters in a private folder of settings. With them go starts a process that may outlive it, and write
/// while the folder is being removed.
///
/// # Errors
/// When the file cannot be written.
pub fn switch_off_telemetry(config: &Path) -> std::io::Result<()> {
    let below = if cfg!(target_os = "macos") { "Library/Application Support/go/telemetry" } else { "go/telemetry" };
    let folder = config.join(below);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("mode"), "off")
}

/// Points go's settings and counters, which it keeps below the user's configuration, to `folder`.
pub fn private_config(command: &mut Command, folder: &Path) {
    if cfg!(target_os = "macos") {
        // There os.UserConfigDir is always $HOME/Library/Application Support.
        command.env("HOME", folder);
    } else {
        command.env("XDG_CONFIG_HOME", folder);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_seen_in_the_mask_of_ignored_signals() {
        assert!(ignores_hangup_in("Name:\tbench\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup_in("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup_in(""));
    }

    #[test]
    fn the_nearest_mount_wins() {
        let mounts = "overlay / overlay rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/a /tmp/x ext4 rw 0 0\n";
        let of = |path: &str| file_system_in(mounts, Path::new(path));
        assert_eq!(of("/tmp/x/y").as_deref(), Some("ext4"));
        assert_eq!(of("/tmp/xy").as_deref(), Some("tmpfs"));
        assert_eq!(of("/home").as_deref(), Some("overlay"));
    }
}
