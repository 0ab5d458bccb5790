//! `bench`: parses arguments, calls the library, prints the error.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use gocacheprog::backend::BackendArgs;
use gocacheprog::bench::{
    BOTTLENECKS, BenchArgs, COMPARE_ERROR, CompareArgs, DiffArgs, OverheadArgs, ReportArgs, ScalingArgs, WhatIfArgs,
};
use gocacheprog::cache::seed::SeedArgs;
use gocacheprog::completions::{CompletionArgs, ManArgs};
use gocacheprog::s3_server::{AloneArgs, ServeArgs};

/// What to try first.
const EXAMPLES: &str = "\
Examples:
  bench --scenario small                          a first look, within a minute
  bench                                           go build std in all five states; some minutes
  bench --only local-hit,go-warm --rounds 21      only these states, with smaller differences clear
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
    /// Injects bottlenecks, and checks that the verdict names each first and estimates its cost
    #[command(alias = "prove", mut_arg("scenario", |scenario| scenario.default_value(BOTTLENECKS)))]
    Selftest(BenchArgs),
    /// Prints the tables of a saved run again, and writes its reports anew
    Report(ReportArgs),
    /// Compares two saved runs, or two commits of the backend: the same, faster or slower
    Compare(CompareArgs),
    /// Draws the difference of two profiles as flame graphs
    Diff(DiffArgs),
    /// Measures the cost of each record of the backend
    #[command(alias = "observe")]
    Overhead(OverheadArgs),
    /// Measures how the cost of a session grows with the stores, and with many commits
    #[command(alias = "growth")]
    Scaling(ScalingArgs),
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
    /// Uses CPU time until its input ends: an injected bottleneck
    #[command(hide = true)]
    Busy,
    /// Ends the processes of a run when bench is gone
    #[command(hide = true)]
    Watch,
    /// Fills a remote from a local store
    #[command(hide = true)]
    Seed(SeedArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Some(Command::S3(_) | Command::S3Serve(_) | Command::Seed(_))) {
        gocacheprog::raise_open_files_limit();
    }
    // `compare` has 1 for "slower".
    let error_code = if matches!(cli.command, Some(Command::Compare(_))) { COMPARE_ERROR } else { 1 };
    let result = match cli.command {
        None => gocacheprog::bench::run(cli.bench),
        Some(Command::Backend(args)) => gocacheprog::backend::main(&args, &[]),
        Some(Command::Overhead(args)) => gocacheprog::bench::overhead(&args),
        Some(Command::Selftest(args)) => gocacheprog::bench::selftest(args),
        Some(Command::WhatIf(args)) => gocacheprog::bench::what_if(&args),
        Some(Command::Scaling(args)) => gocacheprog::bench::scaling(&args),
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
        ExitCode::from(error_code)
    })
}
