//! The CPU profile: `pprof/cpu.pprof` for `go tool pprof`, `pprof/cpu.svg` as a flame graph, both by pprof-rs.

use anyhow::Result;
use pprof::protos::Profile;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tempfile::TempDir;

use crate::note::note;
use crate::platform::usage;
use crate::telemetry::folder::session_folder::SessionFolder;
use crate::telemetry::profile::pprof_file;

/// Samples a second of CPU time of the whole process.
const FREQUENCY_HZ: i32 = 99;
/// Size of a CPU profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProfileSummary {
    /// Samples taken.
    pub samples: u64,
    /// CPU time while they were taken, nanoseconds.
    #[serde(default)]
    pub cpu_ns: Option<u64>,
}

/// `auto` starts after this: starting costs more CPU than a shorter session has to tell about.
pub const AUTO_AFTER: Duration = Duration::from_secs(1);

/// When the profile is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CpuProfileMode {
    /// In sessions longer than a second, from then on.
    Auto,
    /// From the handshake on, beside the first answers: it starts 120 to 280 ms later.
    On,
    /// From before the handshake: go waits for it, so such a session is not for timing.
    First,
    /// Never.
    Off,
}

/// A profile that is being taken.
pub struct CpuProfile {
    guard: pprof::ProfilerGuard<'static>,
    /// CPU time of this process when it started.
    cpu_before_ns: Option<u64>,
    /// Where pprof-rs keeps a file that it never removes. After the guard, which writes into it.
    _temporary: Option<TempDir>,
}

impl CpuProfile {
    /// Starts sampling. Takes 120 to 280 ms; `None`, with a line on stderr, when the system does not let us.
    pub fn start() -> Option<Self> {
        let temporary = temporary_folder();
        // The unwinder must not unwind itself. libc is no part of this list: with it every system call and every copy of
        // memory would be missing.
        let builder = pprof::ProfilerGuardBuilder::default().frequency(FREQUENCY_HZ).blocklist(&["libgcc", "vdso"]);
        let guard = builder.build().inspect_err(|error| note(format_args!("no CPU profile: {error}"))).ok()?;
        Some(Self { guard, cpu_before_ns: usage().cpu_ns(), _temporary: temporary })
    }

    /// Stops sampling and writes the files.
    pub fn finish(self, folder: &SessionFolder) -> Option<ProfileSummary> {
        let written = self.write(folder);
        written.inspect_err(|error| note(format_args!("no CPU profile: {error}"))).ok()
    }

    /// Says in the place of the picture that the session ended before a profile was started.
    pub fn say_too_short(folder: &SessionFolder) {
        let text = "No cpu.svg: the session ended before a profile was started. --cpu-profile on starts it sooner.\n";
        if let Err(error) = std::fs::write(folder.file("pprof/cpu.txt"), text) {
            note(format_args!("no CPU profile: {error}"));
        }
    }

    fn write(self, folder: &SessionFolder) -> Result<ProfileSummary> {
        let cpu_ns = usage().cpu_ns().zip(self.cpu_before_ns).map(|(now, before)| now.saturating_sub(before));
        let report = self.guard.report().build()?;
        drop(self.guard);
        let mut profile = report.pprof()?;
        if let Some(cpu_ns) = cpu_ns {
            scale(&mut profile, cpu_ns);
        }
        let file = folder.file("pprof/cpu.pprof");
        let samples = pprof_file::write_cpu(&profile, file.parent().unwrap_or(&file))?;
        Ok(ProfileSummary { samples: samples as u64, cpu_ns })
    }
}

/// A folder for the temporary files of this process, which goes with the profile. Without it each profile leaves one in the
/// system's temporary folder.
fn temporary_folder() -> Option<TempDir> {
    let folder = tempfile::Builder::new().prefix("cacheprog-profile-").tempdir().ok()?;
    tempfile::env::override_temp_dir(folder.path()).ok()?;
    Some(folder)
}

/// Spreads the CPU time that the kernel counted over the samples. pprof-rs takes each for a hundredth of a second, but
/// signals that come while another thread handles one are lost. The number of samples stays what it was.
fn scale(profile: &mut Profile, cpu_ns: u64) {
    let samples: i64 = profile.sample.iter().map(|sample| sample.value[0]).sum();
    for sample in &mut profile.sample {
        let part = sample.value[0] as f64 / samples.max(1) as f64;
        sample.value[1] = (part * cpu_ns as f64).round() as i64;
    }
    let text = format!("{samples} samples; their nanoseconds are the {cpu_ns} of getrusage, spread over them");
    profile.comment.push(profile.string_table.len() as i64);
    profile.string_table.push(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use pprof::protos::Sample;

    #[test]
    fn the_nanoseconds_add_up_to_what_the_kernel_counted() {
        let sample = |count| Sample { value: vec![count, count * 10_101_010], ..Sample::default() };
        let mut profile = Profile { sample: vec![sample(3), sample(1)], ..Profile::default() };
        profile.string_table.push(String::new());
        scale(&mut profile, 1000);
        assert_eq!(profile.sample.iter().map(|sample| sample.value.clone()).collect::<Vec<_>>(), [[3, 750], [1, 250]]);
        assert!(profile.string_table[profile.comment[0] as usize].starts_with("4 samples"));
    }
}
