//! The arguments of `bench tap`.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program, and where the records of its session go. No variable is read here: a wrong value would end the build.
#[derive(Debug, clap::Args)]
pub struct TapArgs {
    /// Write the records straight into this folder, which no other session uses
    #[arg(long, value_name = "DIR", conflicts_with_all = ["metrics", "here"])]
    pub session: Option<PathBuf>,
    /// Where the records go: a folder for each session, and links with plain names [env: CACHEPROG_METRICS] [default:
    /// cacheprog in the user's state folder: XDG_STATE_HOME, ~/.local/state, or ~/Library/Application Support on macOS]
    #[arg(long, value_name = "DIR")]
    pub metrics: Option<PathBuf>,
    /// Keep the records in metrics of the working directory [env: CACHEPROG_HERE]
    #[arg(long)]
    pub here: bool,
    /// Take no samples of CPU, memory, disk and network
    #[arg(long)]
    pub no_samples: bool,
    /// The GOCACHEPROG program, with its arguments
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
