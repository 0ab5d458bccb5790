//! The backend's command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;

use super::LimitArgs;
use super::plant::Plant;
use crate::cache::{Idea, Knobs, Options, Strategy};
use crate::telemetry::CpuProfileMode;

/// The longest that the end of a session may wait.
const MOST: Duration = Duration::from_secs(86_400);

/// Where the local store is.
#[derive(Clone, Debug, clap::Args)]
pub struct CacheArgs {
    /// Folder of the local store, made if it is missing
    #[arg(long, value_name = "DIR", env = "CACHEPROG_CACHE_DIR", default_value = ".cache")]
    pub cache_dir: PathBuf,
}

/// How a session runs. The remote comes from the `S3_` variables: credentials must not be seen in a list of processes.
#[derive(Clone, Debug, clap::Args)]
pub struct BackendArgs {
    #[command(flatten)]
    pub cache: CacheArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How uploads and answers go together
    #[arg(long, value_enum, env = "CACHEPROG_STRATEGY", default_value = "pack")]
    pub strategy: Strategy,
    /// Parts of the strategy `pack` to switch off, joined by commas. To see what each is worth
    #[arg(long, value_enum, value_name = "IDEA", value_delimiter = ',', hide = true)]
    pub without: Vec<Idea>,
    /// Let the strategy `pack` write each output as the workshop's two objects too, for programs that read those
    #[arg(long, env = "CACHEPROG_PLAIN", value_parser = FalseyValueParser::new())]
    pub plain: bool,
    /// Let go go on before the uploads are out: the process stays for them, at most as long as --drain-deadline says
    #[arg(long, env = "CACHEPROG_DETACH", value_parser = FalseyValueParser::new())]
    pub detach: bool,
    /// Do not print `CacheProg used.`
    #[arg(long, env = "CACHEPROG_QUIET", value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// Where the records go: a folder for each session, and links with plain names
    #[arg(long, value_name = "DIR", env = "CACHEPROG_METRICS", default_value = "metrics")]
    pub metrics: PathBuf,
    /// Write the records straight into this folder, which nobody else uses
    #[arg(long, value_name = "DIR", hide = true)]
    pub session: Option<PathBuf>,
    /// Write no trace.json
    #[arg(long, env = "CACHEPROG_NO_TRACE", value_parser = FalseyValueParser::new())]
    pub no_trace: bool,
    /// Write no request.txt
    #[arg(long, env = "CACHEPROG_NO_REQUEST_LOG", value_parser = FalseyValueParser::new())]
    pub no_request_log: bool,
    /// Keep no latency histograms: no latency.hlog, and no percentiles in session.json
    #[arg(long, env = "CACHEPROG_NO_HISTOGRAMS", value_parser = FalseyValueParser::new())]
    pub no_histograms: bool,
    /// Write no wall-clock profile, pprof/fg.prof
    #[arg(long, env = "CACHEPROG_NO_WALL_PROFILE", value_parser = FalseyValueParser::new())]
    pub no_wall_profile: bool,
    /// Keep the raw bytes of stdin and stdout too, in stdin.txt and stdout.txt
    #[arg(long, env = "CACHEPROG_CAPTURE", value_parser = FalseyValueParser::new())]
    pub capture: bool,
    /// Take no samples of CPU, memory, disk and network
    #[arg(long, env = "CACHEPROG_NO_SAMPLES", value_parser = FalseyValueParser::new())]
    pub no_samples: bool,
    /// Process number of the S3 server, to be sampled too
    #[arg(long, value_name = "PID", hide = true)]
    pub watch_s3: Option<u32>,
    /// When to take a CPU profile
    #[arg(long, value_enum, env = "CACHEPROG_CPU_PROFILE", default_value = "auto")]
    pub cpu_profile: CpuProfileMode,
    /// Take a heap profile, and no CPU profile: the program starts itself again with its allocator's profiler on. Needs a
    /// build with --features heap-profile
    #[arg(long, env = "CACHEPROG_HEAP_PROFILE", value_parser = FalseyValueParser::new())]
    pub heap_profile: bool,
    /// Write no records at all
    #[arg(long, env = "CACHEPROG_NO_RECORDS", value_parser = FalseyValueParser::new())]
    pub no_records: bool,
    /// Delay a stage: STAGE:MILLISECONDS:EVERY, in each EVERYth request. To see whether the records name it
    #[arg(long, value_name = "PLANT", hide = true)]
    pub plant: Option<Plant>,
    /// What is made otherwise than it is, as JSON. For bench, which plants bottlenecks
    #[arg(long, value_name = "JSON", hide = true)]
    pub knobs: Option<Knobs>,
    /// How long the end of a session waits for uploads, in seconds
    #[arg(long, value_name = "SECONDS", env = "CACHEPROG_DRAIN_DEADLINE", default_value = "60", value_parser = seconds)]
    pub drain_deadline: Duration,
}

impl BackendArgs {
    /// What the cache has to know.
    pub fn options(&self) -> Options {
        Options {
            strategy: self.strategy,
            without: self.without.clone(),
            writes_plain: self.plain,
            knobs: self.knobs(),
            // `bench`, which gives the folder of the records, starts each round without that memory.
            remembers_remote: self.session.is_none(),
        }
    }

    /// What is made otherwise.
    pub fn knobs(&self) -> Knobs {
        self.knobs.unwrap_or_default()
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let wait = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if wait > MOST { Err(format!("more than a day ({} s)", MOST.as_secs())) } else { Ok(wait) }
}
