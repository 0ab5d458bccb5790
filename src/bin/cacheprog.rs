//! The GOCACHEPROG backend: `GOCACHEPROG=$PWD/cacheprog go build std`.

use clap::{CommandFactory, Parser, Subcommand};
use gocacheprog::backend;
use gocacheprog::backend::{BackendArgs, CacheArgs, CleanArgs, LimitArgs, RecordArgs};
use gocacheprog::cache::local::folder::store_folder;
use gocacheprog::completions;
use gocacheprog::completions::{CompletionArgs, ManArgs};
use gocacheprog::config;
use gocacheprog::config::{Parsed, Unreadable};
use gocacheprog::note;
use std::path::Path;
use std::process::ExitCode;

/// A GOCACHEPROG backend over local disk and S3 that records what it does.
///
/// go starts it: export GOCACHEPROG=/path/to/cacheprog. The remote comes from S3_ENDPOINT, S3_ACCESS_KEY_ID,
/// S3_SECRET_ACCESS_KEY, S3_SESSION_TOKEN, S3_BUCKET_NAME, S3_REGION, S3_PREFIX and S3_ADDRESSING (auto, path or virtual);
/// without S3_ENDPOINT it works from local disk only. HTTPS_PROXY, HTTP_PROXY, NO_PROXY, ALL_PROXY and SSL_CERT_FILE count too.
///
/// A flag comes before its variable, and a variable before the default. An empty variable is an unset one; one that cannot be
/// read is named on stderr, and the default is used.
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
    /// Print where the local store and the records are
    #[command(mut_arg("strategy", |arg| arg.hide(true)))]
    Path {
        #[command(flatten)]
        cache: CacheArgs,
        #[command(flatten)]
        records: RecordArgs,
    },
    /// Check all that the local store holds against its SHA-256
    #[command(mut_arg("strategy", |arg| arg.hide(true)))]
    Verify {
        #[command(flatten)]
        cache: CacheArgs,
    },
    /// Remove now what has not been used for long, and the least recently used where there is too much
    #[command(mut_arg("strategy", |arg| arg.hide(true)))]
    Trim {
        #[command(flatten)]
        cache: CacheArgs,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Empty the local store, and remove the records of ended sessions. What open sessions use stays
    #[command(mut_arg("strategy", |arg| arg.hide(true)))]
    Clean {
        #[command(flatten)]
        cache: CacheArgs,
        #[command(flatten)]
        records: RecordArgs,
        #[command(flatten)]
        what: CleanArgs,
    },
    Completions(CompletionArgs),
    Man(ManArgs),
}

fn main() -> ExitCode {
    let Parsed { cli, matches, unreadable } = config::parse::<Cli>();
    match cli.command {
        None => backend::main(&cli.session, &unreadable),
        Some(Command::Path { cache, records }) => {
            unreadable.iter().for_each(note::note);
            let matches = matches.subcommand().map_or(&matches, |(_, matches)| matches);
            exit_code(backend::path(&cache, &records, matches))
        }
        Some(Command::Verify { cache }) => with_store(&cache, &unreadable, backend::verify),
        Some(Command::Trim { cache, limits }) => with_store(&cache, &unreadable, |store| backend::trim(store, &limits)),
        Some(Command::Clean { cache, records, what }) => {
            let records = records.folder(cache.is_here());
            with_store(&cache, &unreadable, |store| backend::clean(store, records.as_deref(), what))
        }
        Some(Command::Completions(args)) => exit_code(completions::completions(&args, Cli::command())),
        Some(Command::Man(args)) => exit_code(completions::man(&args, Cli::command())),
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

/// Does `work` on the store. Not with a default instead of what the user wrote: it may remove files.
fn with_store(cache: &CacheArgs, unreadable: &[Unreadable], work: impl FnOnce(&Path) -> ExitCode) -> ExitCode {
    if let Some(first) = unreadable.first() {
        note::line(format_args!("error: {}\n  next:  correct the variable, or unset it", first.reason()));
        return ExitCode::FAILURE;
    }
    match cache.folder() {
        Ok(store) => work(&store_folder::resolve(&store)),
        Err(why) => {
            note::line(format_args!("error: there is no local store: {why}\n  next:  name the store with --cache-dir"));
            ExitCode::FAILURE
        }
    }
}
