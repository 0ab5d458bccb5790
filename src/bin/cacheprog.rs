//! The GOCACHEPROG backend: `GOCACHEPROG=$PWD/cacheprog go build std`.

use clap::{CommandFactory, Parser, Subcommand};
use gocacheprog::backend::{self, BackendArgs, CacheArgs, LimitArgs};
use gocacheprog::note;
use gocacheprog::shell::{self, CompletionArgs, ManArgs};
use std::process::ExitCode;

/// A GOCACHEPROG backend over local disk and S3 that records what it does.
///
/// go starts it: export GOCACHEPROG=/path/to/cacheprog. The remote comes from S3_ENDPOINT, S3_ACCESS_KEY_ID,
/// S3_SECRET_ACCESS_KEY, S3_SESSION_TOKEN, S3_BUCKET_NAME, S3_REGION and S3_PREFIX; without S3_ENDPOINT it works
/// from local disk only.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    session: BackendArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Check all that the local store holds against its SHA-256
    Verify {
        #[command(flatten)]
        cache: CacheArgs,
    },
    /// Remove now what has not been used for long, and the least recently used where there is too much
    Trim {
        #[command(flatten)]
        cache: CacheArgs,
        #[command(flatten)]
        limits: LimitArgs,
    },
    Completions(CompletionArgs),
    Man(ManArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => backend::main(&cli.session),
        Some(Command::Verify { cache }) => backend::verify(&cache),
        Some(Command::Trim { cache, limits }) => backend::trim(&cache, &limits),
        Some(Command::Completions(args)) => exit_code(shell::completions(&args, Cli::command())),
        Some(Command::Man(args)) => exit_code(shell::man(&args, Cli::command())),
    }
}

fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note::line(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
