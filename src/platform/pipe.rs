//! The room in a pipe.

use std::os::fd::AsFd;

/// The most that an unprivileged process may have on Linux.
#[cfg(target_os = "linux")]
const PIPE_BYTES: i32 = 1 << 20;

/// Gives a pipe as much room as the system allows, so that whoever writes waits for its reader less often. Not a pipe, or
/// not allowed: slower, not wrong.
pub fn enlarge(pipe: impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}
