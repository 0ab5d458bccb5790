//! `bench`: parses arguments, calls the library, prints the error.

use std::process::ExitCode;

use bench::{
    BOTTLENECKS, BenchArgs, COMPARE_ERROR, CacheState, CompareArgs, DiffArgs, OverheadArgs, ReportArgs, ScalingArgs,
    TapArgs, WatchArgs, WhatIf, WhatIfArgs, values_help,
};
use clap::{CommandFactory, Parser, Subcommand};
use gocacheprog::backend::BackendArgs;
use gocacheprog::cache::seed::SeedArgs;
use gocacheprog::completions;
use gocacheprog::completions::{CompletionArgs, ManArgs};
use gocacheprog::s3_server;
use gocacheprog::s3_server::{AloneArgs, ServeArgs};

const EXAMPLES: &str = "\
Examples:
  bench --scenario small                       a first look, within a minute
  bench                                        go build std in all five states
  bench --only local-hit,go-warm --rounds 21   two states, precisely
  bench --workload ../my-module                a Go module of yours
  bench --workload . -- go test ./...          another command than go build
  bench report metrics/latest                  the newest run again
  bench compare main . --scenario small        is this build slower than main?

Your own go caches are neither read nor written.";

/// Did the build get faster with GOCACHEPROG? Times `go build` in five cache states and says why
#[derive(Parser)]
#[command(name = "bench", version, max_term_width = 100, args_conflicts_with_subcommands = true,
          after_help = format!("{}\n\n{EXAMPLES}", values_help::<CacheState>("Cache states:")))]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    bench: BenchArgs,
}

#[derive(Subcommand)]
enum Command {
    #[command(mut_arg("only", |only| only.hide(true).value_parser(|_: &str| Err::<CacheState, _>("give the state with --state"))),
              mut_arg("case", |case| case.hide(true).value_parser(|_: &str| Err::<String, _>("give the change with --change"))),
              after_help = values_help::<WhatIf>("Changes:"))]
    WhatIf(WhatIfArgs),
    /// Injects bottlenecks, and checks that the verdict finds each and estimates its cost
    #[command(alias = "prove", mut_arg("scenario", |scenario| scenario.default_value(BOTTLENECKS)))]
    Selftest(BenchArgs),
    /// Prints a saved run again, and writes its reports anew
    Report(ReportArgs),
    /// Compares two saved runs, or two commits of the backend
    Compare(CompareArgs),
    /// Draws the difference between two profiles as flame graphs
    Diff(DiffArgs),
    /// Measures the cost of the backend's records
    #[command(alias = "observe")]
    Overhead(OverheadArgs),
    /// Measures how costs grow with the size of the stores, and with many commits
    #[command(alias = "growth")]
    Scaling(ScalingArgs),
    /// Records a session of any GOCACHEPROG program from outside: GOCACHEPROG="bench tap -- ./cacheprog"
    Tap(TapArgs),
    /// Runs a command with the tap around its GOCACHEPROG program: bench watch -- go build ./...
    Watch(WatchArgs),
    /// Runs the embedded S3 server, and prints the variables to export
    S3(AloneArgs),
    /// Prints a completion script for a shell
    Completions(CompletionArgs),
    /// Writes man pages, one for each command
    Man(ManArgs),
    /// The backend: go starts it
    #[command(hide = true)]
    Backend(BackendArgs),
    /// The embedded S3 server of a run
    #[command(hide = true)]
    S3Serve(ServeArgs),
    /// Uses all CPU time of a core until its input ends: an injected bottleneck
    #[command(hide = true)]
    Busy,
    /// Ends the processes of a run when bench is gone
    #[command(hide = true)]
    Watcher,
    /// Fills a remote from a local store
    #[command(hide = true)]
    Seed(SeedArgs),
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| gocacheprog::config::exit(&error));
    if matches!(cli.command, Some(Command::S3(_) | Command::S3Serve(_) | Command::Seed(_))) {
        gocacheprog::platform::raise_open_files_limit();
    }
    // `compare` has 1 for "slower".
    let error_code = if matches!(cli.command, Some(Command::Compare(_))) { COMPARE_ERROR } else { 1 };
    exit_code(run(cli), error_code)
}

/// Calls the library.
fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let done = match cli.command {
        None => return bench::run(cli.bench),
        Some(Command::WhatIf(args)) => return bench::what_if(&args),
        Some(Command::Selftest(args)) => return bench::selftest(args),
        Some(Command::Compare(args)) => return bench::compare(&args),
        Some(Command::Overhead(args)) => return bench::overhead(&args),
        Some(Command::Scaling(args)) => return bench::scaling(&args),
        Some(Command::Watch(args)) => return bench::watch(&args),
        Some(Command::Report(args)) => bench::report(&args),
        Some(Command::Diff(args)) => bench::diff(&args),
        Some(Command::Tap(args)) => bench::tap(&args),
        Some(Command::S3(args)) => s3_server::serve_alone(args),
        Some(Command::Completions(args)) => completions::completions(&args, Cli::command()),
        Some(Command::Man(args)) => completions::man(&args, Cli::command()),
        Some(Command::Backend(args)) => gocacheprog::backend::main(&args, &[]),
        Some(Command::S3Serve(args)) => s3_server::serve_child(args),
        Some(Command::Busy) => {
            bench::keep_busy();
            Ok(())
        }
        Some(Command::Watcher) => {
            bench::watch_over();
            Ok(())
        }
        Some(Command::Seed(args)) => gocacheprog::cache::seed::seed(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The exit code of a result; an error is printed.
fn exit_code(result: anyhow::Result<ExitCode>, error_code: u8) -> ExitCode {
    result.unwrap_or_else(|error| {
        gocacheprog::note::line(format_args!("error: {}", bench::in_words(&error)));
        ExitCode::from(error_code)
    })
}
