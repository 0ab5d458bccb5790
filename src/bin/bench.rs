//! `bench`: parses arguments, calls the library, prints the error.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use gocacheprog::backend::BackendArgs;
use gocacheprog::bench::{
    BOTTLENECKS, BenchArgs, CompareArgs, DiffArgs, GrowthArgs, ObserveArgs, ReportArgs, WhatIfArgs,
};
use gocacheprog::cache::seed::SeedArgs;
use gocacheprog::completions::{CompletionArgs, ManArgs};
use gocacheprog::s3_server::{AloneArgs, ServeArgs};

/// What to try first.
const EXAMPLES: &str = "\
Examples:
  bench --scenario small                          a first look, within a minute
  bench                                           go build std in all five states; some minutes
  bench --only a,b,go-warm --rounds 21      only with full caches, and told apart better
  bench --workload ../my-module                   a Go module of yours
  bench --workload . -- go test -tags x ./...     another command than go build
  bench report metrics/latest                     the tables of the newest run again
  bench compare main . --scenario small           is this build slower than the branch main?

Your own go caches are neither read nor written, and your go settings count with --workload only.
metrics/README.md says what each file of a run answers.";

/// Did the build get faster with GOCACHEPROG? Times `go build` in five cache states and says why
#[derive(Parser)]
#[command(name = "bench", version, max_term_width = 100, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    bench: BenchArgs,
}

#[derive(Subcommand)]
enum Command {
    WhatIf(WhatIfArgs),
    /// Plants bottlenecks, and says whether the verdict names them and what they cost
    #[command(mut_arg("scenario", |scenario| scenario.default_value(BOTTLENECKS)))]
    Prove(BenchArgs),
    /// Prints the tables of a saved run again, and writes its reports anew
    Report(ReportArgs),
    /// Compares two saved runs, or two commits of the backend: the same, faster or slower
    Compare(CompareArgs),
    /// Draws what grew and what shrank between two profiles, as flame graphs
    Diff(DiffArgs),
    /// Measures what each record of the backend costs a build
    Observe(ObserveArgs),
    /// Shows how costs grow with what the stores hold, and with many commits
    Growth(GrowthArgs),
    /// Runs the embedded S3 server alone, and prints the variables to export
    S3(AloneArgs),
    /// Prints what completes these arguments in a shell
    Completions(CompletionArgs),
    /// Writes man pages, one for each command
    Man(ManArgs),
    /// The backend, as bench has go start it
    #[command(hide = true)]
    Backend(BackendArgs),
    /// The embedded S3 server, as bench starts it
    #[command(hide = true)]
    S3Serve(ServeArgs),
    /// Takes processor time until its input ends, as bench has somebody else do
    #[command(hide = true)]
    Busy,
    /// Ends the processes that bench started when bench is gone
    #[command(hide = true)]
    Watch,
    /// Fills a remote from a local store, as bench does for each case
    #[command(hide = true)]
    Seed(SeedArgs),
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| gocacheprog::config::exit(&error));
    if matches!(cli.command, Some(Command::S3(_) | Command::S3Serve(_) | Command::Seed(_))) {
        gocacheprog::raise_open_files_limit();
    }
    let result = match cli.command {
        None => gocacheprog::bench::run(cli.bench),
        Some(Command::Backend(args)) => gocacheprog::backend::main(&args, &[]),
        Some(Command::Observe(args)) => gocacheprog::bench::observe(&args),
        Some(Command::Prove(args)) => gocacheprog::bench::prove(args),
        Some(Command::WhatIf(args)) => gocacheprog::bench::what_if(&args),
        Some(Command::Growth(args)) => gocacheprog::bench::growth(&args),
        Some(Command::Report(args)) => gocacheprog::bench::report(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::Compare(args)) => gocacheprog::bench::compare(&args),
        Some(Command::Completions(args)) => {
            gocacheprog::completions::completions(&args, Cli::command()).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Man(args)) => gocacheprog::completions::man(&args, Cli::command()).map(|()| ExitCode::SUCCESS),
        Some(Command::Diff(args)) => gocacheprog::bench::diff(&args).map(|()| ExitCode::SUCCESS),
        Some(Command::S3(args)) => gocacheprog::s3_server::serve_alone(args).map(|()| ExitCode::SUCCESS),
        Some(Command::S3Serve(args)) => gocacheprog::s3_server::serve_child(args).map(|()| ExitCode::SUCCESS),
        Some(Command::Busy) => {
            gocacheprog::bench::keep_busy();
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Watch) => {
            gocacheprog::bench::watch();
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Seed(args)) => gocacheprog::cache::seed::seed(&args).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        gocacheprog::note::line(format_args!("error: {}", gocacheprog::bench::in_words(&error)));
        ExitCode::FAILURE
    })
}
