//! Empties the remote cache: shows what would go, asks, deletes.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_client::error::S3Error;
use gocacheprog::cache::remote::s3_config::config as s3_config;
use gocacheprog::cache::remote::s3_config::config::S3Config;
use gocacheprog::cache::remote::s3_config::error::S3ConfigError;
use gocacheprog::cache::s3_clean;
use gocacheprog::cache::s3_clean::BucketContents;
use gocacheprog::config;
use gocacheprog::config::{counted, shown_bytes};
use gocacheprog::{note, stdout};

/// How many keys are shown before the question.
const SHOWN_KEYS: usize = 5;

/// Delete the build cache from the bucket that the S3_ variables name
///
/// With a prefix everything below it goes, without one only the keys that the workshop's cache
/// writes.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Delete without asking
    #[arg(long, short)]
    yes: bool,
    /// Everything below this prefix, instead of that of S3_PREFIX; both get the form that the cache writes: `/ci` is `ci/`
    #[arg(long)]
    prefix: Option<String>,
    /// Every key that begins with exactly this text, as older versions and other programs wrote it
    #[arg(long, value_name = "TEXT", conflicts_with = "prefix")]
    raw_prefix: Option<String>,
}

fn main() -> ExitCode {
    match clean(Args::try_parse().unwrap_or_else(|error| config::exit(&error))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note::line(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn clean(args: Args) -> anyhow::Result<()> {
    let mut config = s3_config::from_env(|name| std::env::var_os(name)).map_err(report_settings)?.context(
        "S3_ENDPOINT is not set\n  tried: to find the bucket to clean\n  next:  export the S3_ \
         variables of the workshop, or those that `bench s3` prints",
    )?;
    if let Some(prefix) = args.prefix {
        config.prefix = s3_config::normalize_prefix(&prefix).map_err(report_settings)?;
    }
    if let Some(text) = args.raw_prefix {
        config.prefix = text;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = S3Client::connect(&config);
    let found = runtime.block_on(s3_clean::find(&client)).map_err(report)?;
    show(&found, &config);
    if found.ours.is_empty() {
        return Ok(());
    }
    if !args.yes && !confirmed()? {
        note::line("Nothing deleted.");
        return Ok(());
    }
    let all = found.ours.len();
    let progress = |deleted| note::line(format_args!("deleted {deleted} of {all}"));
    let deleted = runtime.block_on(s3_clean::remove(&client, &found.ours, progress));
    if let Some(failure) = deleted.failure {
        bail!("deleted {} of {all}: {}", deleted.objects, failure.report());
    }
    stdout::print(&format!("deleted {}, {}\n", counted(deleted.objects, "object"), shown_bytes(found.bytes())))
}

fn report(error: S3Error) -> anyhow::Error {
    anyhow::Error::msg(error.report())
}

fn report_settings(error: S3ConfigError) -> anyhow::Error {
    anyhow::Error::msg(error.report())
}

fn show(found: &BucketContents, config: &S3Config) {
    let whence = match config.prefix.as_str() {
        "" => String::new(),
        prefix => format!(" below \"{prefix}\""),
    };
    note::line(format_args!(
        "bucket \"{}\" at {}: {} of the cache{whence}, {}",
        config.bucket,
        config.endpoint_url,
        counted(found.ours.len() as u64, "object"),
        shown_bytes(found.bytes())
    ));
    for object in found.ours.iter().take(SHOWN_KEYS) {
        note::line(format_args!("  {}  {}", object.key, shown_bytes(object.size_bytes)));
    }
    if found.ours.len() > SHOWN_KEYS {
        note::line(format_args!("  … and {} more", found.ours.len() - SHOWN_KEYS));
    }
    if found.others > 0 {
        note::line(format_args!("left alone: {}", counted(found.others, "other object")));
    }
}

fn confirmed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!(
            "nothing deleted: stdin is not a terminal, so that no question can be asked\n  tried: to ask \
             before deleting\n  next:  run it again with --yes if the list above is right"
        );
    }
    write!(io::stderr(), "Delete them? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
