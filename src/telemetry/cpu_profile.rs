//! The CPU profile: `pprof/cpu.pprof` for `go tool pprof`, `pprof/cpu.svg` as a flame graph, both by pprof-rs.

use pprof::protos::Message;
use std::fs::File;
use std::time::Duration;

use super::{ProfileSummary, SessionFolder};
use crate::note::note;

/// Samples a second of CPU time of the whole process.
const FREQUENCY_HZ: i32 = 99;
/// `auto` starts after this: starting costs more CPU than a shorter session has to tell about.
pub const AUTO_AFTER: Duration = Duration::from_secs(1);

/// When the profile is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CpuProfileMode {
    /// In sessions longer than a second, from then on.
    Auto,
    /// From the start, before the handshake: go waits for it, so such a session is not for timing.
    On,
    /// Never.
    Off,
}

/// A profile that is being taken.
pub struct CpuProfile {
    guard: pprof::ProfilerGuard<'static>,
}

impl CpuProfile {
    /// Starts sampling. Takes 120 to 280 ms; `None`, with a line on stderr, when the system does not let us.
    pub fn start() -> Option<Self> {
        // The unwinder must not unwind itself. libc is no part of this list: with it every system call and every copy of
        // memory would be missing.
        let builder = pprof::ProfilerGuardBuilder::default().frequency(FREQUENCY_HZ).blocklist(&["libgcc", "vdso"]);
        let guard = builder.build();
        guard.inspect_err(|error| note(format_args!("no CPU profile: {error}"))).ok().map(|guard| Self { guard })
    }

    /// Stops sampling and writes both files. A profile without samples writes none.
    pub fn finish(self, folder: &SessionFolder) -> Option<ProfileSummary> {
        let written = self.write(folder);
        written.inspect_err(|error| note(format_args!("no CPU profile: {error}"))).ok()
    }

    fn write(self, folder: &SessionFolder) -> anyhow::Result<ProfileSummary> {
        let report = self.guard.report().build()?;
        drop(self.guard);
        let samples = report.data.values().map(|count| *count as u64).sum();
        if samples > 0 {
            std::fs::write(folder.file("pprof/cpu.pprof"), report.pprof()?.encode_to_vec())?;
            report.flamegraph(File::create(folder.file("pprof/cpu.svg"))?)?;
        }
        Ok(ProfileSummary { samples })
    }
}
