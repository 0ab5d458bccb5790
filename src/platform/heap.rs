//! Bytes that the allocator of this process has given out, and its profiler where there is one.
//!
//! With the feature `heap-profile` the allocator is jemalloc, whose profiler has to be on from the start of the process.

#[cfg(feature = "heap-profile")]
pub use jemalloc::{dump, heap_in_use_bytes, is_profiled, restart_profiled};
#[cfg(not(feature = "heap-profile"))]
pub use system::{dump, heap_in_use_bytes, is_profiled, restart_profiled};

#[cfg(feature = "heap-profile")]
mod jemalloc {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    use anyhow::{Result, anyhow};
    use tikv_jemalloc_ctl::{epoch, raw, stats};

    #[global_allocator]
    static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

    /// Where jemalloc looks for its settings when the process starts.
    const SETTINGS: &str = "_RJEM_MALLOC_CONF";
    /// A sample each 64 KiB; what was freed again is kept in the sums.
    const PROFILED: &str = "prof:true,prof_active:true,prof_accum:true,lg_prof_sample:16";

    /// Bytes that the allocator has given out and not got back.
    pub fn heap_in_use_bytes() -> Option<u64> {
        // The numbers are those of the last epoch.
        epoch::advance().ok()?;
        stats::allocated::read().ok().map(|bytes| bytes as u64)
    }

    /// True if this process runs with the profiler.
    pub fn is_profiled() -> bool {
        // SAFETY: `opt.prof` is a bool in jemalloc's documentation.
        unsafe { raw::read::<bool>(b"opt.prof\0") }.unwrap_or(false)
    }

    /// Starts this program again in this process, with the profiler on. Returns only when that was not possible.
    pub fn restart_profiled() -> std::io::Error {
        if std::env::var_os(SETTINGS).is_some_and(|settings| settings == PROFILED) {
            // Once is enough: go waits for the handshake.
            return std::io::Error::other("the allocator did not take its settings");
        }
        match std::env::current_exe() {
            Ok(program) => Command::new(program).args(std::env::args_os().skip(1)).env(SETTINGS, PROFILED).exec(),
            Err(error) => error,
        }
    }

    /// Writes what the profiler knows into a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn dump(path: &Path) -> Result<()> {
        let text = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: `prof.dump` takes a pointer to a C string, which lives until the call is over.
        let dumped = unsafe { raw::write(b"prof.dump\0", text.as_ptr()) };
        dumped.map_err(|error| anyhow!("the allocator could not dump its profile: {error}"))
    }
}

#[cfg(not(feature = "heap-profile"))]
mod system {
    use std::io;
    use std::path::Path;

    use anyhow::{Result, bail};

    const WITHOUT: &str = "this program was built without it; build it with --features heap-profile";

    /// No.
    pub fn is_profiled() -> bool {
        false
    }

    /// Says why not.
    pub fn restart_profiled() -> io::Error {
        io::Error::other(WITHOUT)
    }

    /// Says why not.
    ///
    /// # Errors
    /// Always.
    pub fn dump(_path: &Path) -> Result<()> {
        bail!(WITHOUT)
    }

    /// Bytes that the allocator has given out and not got back, without what it keeps for later. `None` where the C
    /// library does not tell.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    pub fn heap_in_use_bytes() -> Option<u64> {
        // SAFETY: mallinfo takes nothing and returns plain numbers; it locks each arena while it looks. Not mallinfo2,
        // which C libraries before 2.33 lack: its numbers wrap at 4 GiB, which this program does not come near.
        let info = unsafe { libc::mallinfo() };
        let bytes = |field: libc::c_int| u64::from(field.cast_unsigned());
        Some(bytes(info.uordblks) + bytes(info.hblkhd))
    }

    /// Bytes that the allocator has given out and not got back. `None` where the C library does not tell.
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    pub fn heap_in_use_bytes() -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux", any(target_env = "gnu", feature = "heap-profile")))]
mod tests {
    use super::*;

    #[test]
    fn a_big_block_is_seen() {
        let before = heap_in_use_bytes().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let with = heap_in_use_bytes().unwrap();
        assert!(with >= before + (32 << 20), "{before} {with} {}", block.len());
    }
}
