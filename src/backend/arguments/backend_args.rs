//! The backend's command line.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::backend::arguments::limits::{KeepArgs, LimitArgs};
use crate::cache::{Options, PackOption, Strategy};
use crate::config::folders::{Place, RECORDS, STORE};
use crate::config::{DAY, choice, duration, folder, switch};
use crate::platform;
use crate::platform::fault_injection::{Delay, FaultSettings};
use crate::telemetry::CpuProfileMode;

const FOLDERS: &str = "Folders";
const UPLOADS: &str = "Remote";
const KINDS: &str = "Records";

/// Where the local store is.
#[derive(Clone, Debug, clap::Args)]
pub struct CacheArgs {
    /// Folder of the local store, made if it is missing [default: cacheprog in the user's cache folder: XDG_CACHE_HOME,
    /// ~/.cache, or ~/Library/Caches on macOS]
    #[arg(long, value_name = "DIR", env = "CACHEPROG_CACHE_DIR", value_parser = PathBufValueParser::new().try_map(folder), help_heading = FOLDERS)]
    pub cache_dir: Option<PathBuf>,
    /// Keep the store in .cache and the records in metrics, both in the working directory, as the workshop does. The
    /// strategy `workshop` implies it; --here=false is for that strategy without
    #[arg(long, value_name = "BOOL", env = "CACHEPROG_HERE", num_args = 0..=1, require_equals = true, default_missing_value = "1", value_parser = switch, help_heading = FOLDERS)]
    pub here: Option<bool>,
    /// How uploads and answers go together
    #[arg(long, env = "CACHEPROG_STRATEGY", default_value = "pack", ignore_case = true, value_parser = choice::<Strategy>(), help_heading = UPLOADS)]
    pub strategy: Strategy,
}

/// Where the records are.
#[derive(Clone, Debug, clap::Args)]
pub struct RecordArgs {
    /// Where the records go: a folder for each session, and links with plain names [default: cacheprog in the user's state
    /// folder: XDG_STATE_HOME, ~/.local/state, or ~/Library/Application Support on macOS]
    #[arg(long, value_name = "DIR", env = "CACHEPROG_METRICS", value_parser = PathBufValueParser::new().try_map(folder), help_heading = FOLDERS)]
    pub metrics: Option<PathBuf>,
}

/// How a session runs. The remote comes from the `S3_` variables: credentials must not be seen in a list of processes.
#[derive(Clone, Debug, clap::Args)]
pub struct BackendArgs {
    #[command(flatten)]
    pub cache: CacheArgs,
    #[command(flatten)]
    pub records: RecordArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub keep: KeepArgs,
    /// Parts of the strategy `pack` to switch off, joined by commas. To see what each is worth
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',', hide = true)]
    pub without: Vec<PackOption>,
    /// Let the strategy `pack` write each output as the workshop's two objects too, for programs that read those
    #[arg(long, env = "CACHEPROG_PLAIN", value_parser = switch, help_heading = UPLOADS)]
    pub plain: bool,
    /// Let go go on before the uploads are out: the process stays for them, at most as long as --drain-deadline says
    #[arg(long, env = "CACHEPROG_DETACH", value_parser = switch, help_heading = UPLOADS)]
    pub detach: bool,
    /// How long the end of a session waits for uploads: a number of seconds, or a duration as 60s or 5m
    #[arg(long, value_name = "TIME", env = "CACHEPROG_DRAIN_DEADLINE", default_value = "60s", value_parser = drain_deadline, help_heading = UPLOADS)]
    pub drain_deadline: Duration,
    /// Do not print `CacheProg used.`
    #[arg(long, env = "CACHEPROG_QUIET", value_parser = switch)]
    pub quiet: bool,
    /// Write the records straight into this folder, which no other session uses
    #[arg(long, value_name = "DIR", hide = true)]
    pub session: Option<PathBuf>,
    /// Write no trace.json
    #[arg(long, env = "CACHEPROG_NO_TRACE", value_parser = switch, help_heading = KINDS)]
    pub no_trace: bool,
    /// Write no request.txt
    #[arg(long, env = "CACHEPROG_NO_REQUEST_LOG", value_parser = switch, help_heading = KINDS)]
    pub no_request_log: bool,
    /// Keep no latency histograms: no latency.hlog, and no percentiles in session.json
    #[arg(long, env = "CACHEPROG_NO_HISTOGRAMS", value_parser = switch, help_heading = KINDS)]
    pub no_histograms: bool,
    /// Write no wall-clock profile, pprof/fg.prof
    #[arg(long, env = "CACHEPROG_NO_WALL_PROFILE", value_parser = switch, help_heading = KINDS)]
    pub no_wall_profile: bool,
    /// Keep the raw bytes of stdin and stdout too, in stdin.txt and stdout.txt
    #[arg(long, env = "CACHEPROG_CAPTURE", value_parser = switch, help_heading = KINDS)]
    pub capture: bool,
    /// Take no samples of CPU, memory, disk and network
    #[arg(long, env = "CACHEPROG_NO_SAMPLES", value_parser = switch, help_heading = KINDS)]
    pub no_samples: bool,
    /// Process number of the S3 server, to be sampled too
    #[arg(long, value_name = "PID", hide = true)]
    pub watch_s3: Option<u32>,
    /// When to take a CPU profile
    #[arg(long, value_name = "WHEN", env = "CACHEPROG_CPU_PROFILE", default_value = "auto", ignore_case = true, value_parser = choice::<CpuProfileMode>(), help_heading = KINDS)]
    pub cpu_profile: CpuProfileMode,
    /// Take a heap profile, and no CPU profile: the program starts itself again with its allocator's profiler on. Needs a
    /// build with --features heap-profile
    #[arg(long, env = "CACHEPROG_HEAP_PROFILE", value_parser = switch, help_heading = KINDS)]
    pub heap_profile: bool,
    /// Write no records at all
    #[arg(long, env = "CACHEPROG_NO_RECORDS", value_parser = switch, help_heading = KINDS)]
    pub no_records: bool,
    /// Delay a stage: STAGE:MILLISECONDS:EVERY, in each EVERYth request. To see whether the records name it
    #[arg(long, value_name = "DELAY", hide = true)]
    pub inject_delay: Option<Delay>,
    /// Fault-injection settings, as JSON
    #[arg(long, value_name = "JSON", hide = true)]
    pub fault_settings: Option<FaultSettings>,
}

impl CacheArgs {
    /// True if store and records are in the working directory unless something else names them.
    pub fn is_here(&self) -> bool {
        self.here.unwrap_or(self.strategy == Strategy::Workshop)
    }

    /// Where the store of a session is. Makes nothing.
    pub fn place(&self, temporary: impl FnOnce() -> io::Result<PathBuf>) -> Place {
        STORE.find(self.cache_dir.as_deref(), self.is_here(), temporary)
    }

    /// Folder of the store that sessions with these arguments use. Makes nothing.
    ///
    /// # Errors
    /// Why each session has a store of its own.
    pub fn folder(&self) -> Result<PathBuf, String> {
        let place = self.place(platform::find_user_temporary_folder);
        place.path().map(Path::to_owned).map_err(str::to_owned)
    }
}

impl RecordArgs {
    /// Where the records of a session are. Makes nothing.
    pub fn place(&self, is_here: bool, temporary: impl FnOnce() -> io::Result<PathBuf>) -> Place {
        RECORDS.find(self.metrics.as_deref(), is_here, temporary)
    }

    /// Folder of the records of sessions with these arguments, if there is a place for them. Makes nothing.
    pub fn folder(&self, is_here: bool) -> Option<PathBuf> {
        self.place(is_here, platform::find_user_temporary_folder).path().map(Path::to_owned).ok()
    }
}

impl BackendArgs {
    /// The options of the cache.
    pub fn options(&self) -> Options {
        Options {
            strategy: self.cache.strategy,
            without: self.without.clone(),
            writes_plain: self.plain,
            faults: self.faults(),
            // `bench`, which gives the folder of the records, starts each round without that memory.
            remembers_remote: self.session.is_none(),
        }
    }

    /// The fault-injection settings.
    pub fn faults(&self) -> FaultSettings {
        self.fault_settings.unwrap_or_default()
    }
}

fn drain_deadline(text: &str) -> Result<Duration, String> {
    let wait = duration(text, Duration::from_secs(1))?;
    if wait > DAY { Err("more than a day (24h)".to_owned()) } else { Ok(wait) }
}
