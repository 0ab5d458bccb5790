//! Commands that run when they are pasted into the shell from which bench was started; where there is none, an idea.

use std::path::Path;

use crate::analysis::verdict::finding::{Action, Finding};
use crate::plan::go_command::quoted;
use crate::plan::run_plan::Plan;
use crate::report::text::verdict::finding;
use crate::scenario::args::RemoteKind;

/// The command for a finding, if there is one for this run: with the arguments that define the build.
pub fn command(finding: &Finding, plan: &Plan) -> Option<String> {
    // The settings of a case are in no argument.
    if !plan.cases.is_empty() || !plan.study.groups().is_empty() {
        return None;
    }
    let given = plan.build_arguments.iter().map(String::as_str);
    match finding.action? {
        Action::WhatIf { change, .. } if change.sets_link() && plan.remote == RemoteKind::Env => None,
        Action::WhatIf { change, state } => {
            let asked = ["what-if", "--state", state.name(), "--change", &change.name()];
            Some(line(asked.into_iter().chain(given)))
        }
        Action::Strategy { state, strategy } => {
            let asked = ["--only", state.name(), "--strategy", strategy.name()];
            Some(line(asked.into_iter().chain(without_strategy(given))))
        }
    }
}

/// The arguments of a build without its strategy.
fn without_strategy<'a>(arguments: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<&str> = arguments.collect();
    if let Some(at) = position(&words, "--strategy") {
        words.drain(at..at + 2);
    }
    words
}

/// The position of a flag of ours, before the words of a go command.
fn position(words: &[&str], flag: &str) -> Option<usize> {
    words.iter().take_while(|word| **word != "--").position(|word| *word == flag)
}

/// The next step where there is no command, marked as an idea.
pub fn idea(finding: &Finding) -> String {
    format!("idea: {}", finding::idea(&finding.bottleneck))
}

/// The command that prints all tables of a run; `run` is its folder or file.
pub fn details(run: &Path) -> String {
    line(["report", "--details", &run.display().to_string()])
}

/// The command that measures the overhead of the records, for the runs beside this one.
pub fn overhead(plan: &Plan) -> String {
    let mut words: Vec<&str> = plan.build_arguments.iter().map(String::as_str).collect();
    let out = position(&words, "--out").map_or(Vec::new(), |at| words.drain(at..at + 2).collect());
    line(std::iter::once("overhead").chain(out))
}

/// A command line of this program, as the user called it.
fn line<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let program = std::env::args_os().next();
    let program = program.map_or_else(|| "bench".to_owned(), |program| program.to_string_lossy().into_owned());
    let arguments: Vec<String> = arguments.into_iter().map(quoted).collect();
    format!("{} {}", quoted(&program), arguments.join(" "))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use clap::{Parser, ValueEnum};

    use super::*;
    use crate::analysis::verdict::finding::Bottleneck;
    use crate::commands::overhead::OverheadArgs;
    use crate::commands::report::ReportArgs;
    use crate::plan::run_plan::tests::resolve;
    use crate::plan::what_if::{WhatIf, WhatIfArgs};
    use crate::scenario::args::BenchArgs;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::file::Scenario;
    use crate::scenario::rule::Rule;
    use gocacheprog::cache::Strategy;

    /// The command lines that are printed, as `bench` reads them.
    #[derive(Debug, Parser)]
    #[command(args_conflicts_with_subcommands = true)]
    struct Cli {
        #[command(subcommand)]
        command: Option<Subcommand>,
        #[command(flatten)]
        bench: BenchArgs,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Subcommand {
        WhatIf(Box<WhatIfArgs>),
        Report(ReportArgs),
        Overhead(OverheadArgs),
    }

    /// The command line after a shell has split it.
    fn parsed(command: &str) -> Cli {
        let output = Command::new("sh").args(["-c", &format!("printf '%s\\n' {command}")]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        Cli::try_parse_from(words.lines()).unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    fn finding(action: Option<Action>) -> Finding {
        let bottleneck = Bottleneck::Latency { first_byte_ns: 2e7 };
        Finding { action, ..Finding::new(Rule::Latency, bottleneck, Vec::new()) }
    }

    fn latency() -> Finding {
        finding(Some(Action::WhatIf { change: WhatIf::NoLatency, state: CacheState::RemoteHit }))
    }

    /// The plan of a command, which has to be valid, and its state.
    fn planned(command: &str, action: Action) -> (Plan, CacheState) {
        let cli = parsed(command);
        // Without a wildcard: a new kind of command has to be tried here.
        match action {
            Action::WhatIf { change, state } => {
                let Some(Subcommand::WhatIf(args)) = cli.command else { panic!("{command}") };
                assert_eq!((args.changes.as_slice(), args.state), (&[change][..], state), "{command}");
                let (_, scenario) = Scenario::load(&args.bench.scenario).unwrap();
                (Plan::resolve("what-if", &args.scenario(&scenario).unwrap(), &args.bench).unwrap(), state)
            }
            Action::Strategy { state, strategy } => {
                assert!(cli.command.is_none(), "{command}");
                assert_eq!((&cli.bench.only[..], cli.bench.strategy), (&[state][..], Some(strategy)), "{command}");
                let (name, scenario) = Scenario::load(&cli.bench.scenario).unwrap();
                (Plan::resolve(&name, &scenario, &cli.bench).unwrap(), state)
            }
        }
    }

    /// All actions that a rule may have in a run with this strategy.
    fn actions(strategy: Strategy) -> Vec<Action> {
        let states = || CacheState::ALL.into_iter().filter(|state| state.uses_backend());
        let strategies = || Strategy::value_variants().iter().copied();
        let mut actions: Vec<Action> =
            states().flat_map(|state| strategies().map(move |strategy| Action::Strategy { state, strategy })).collect();
        for state in states() {
            let changes = WhatIf::value_variants().iter().filter(|change| change.affects(state, strategy));
            actions.extend(changes.map(|change| Action::WhatIf { change: *change, state }));
        }
        actions
    }

    #[test]
    fn each_command_is_read_as_it_was_meant() {
        let go = ["--", "go", "test", "-ldflags", "-s -w", "-run", "it's|$HOME", "--strategy", "x", "./..."];
        for strategy in Strategy::value_variants() {
            for arguments in [&["--scenario", "small", "--rtt", "5.5"][..], &["net/http ./a;b"], &go] {
                let plan =
                    resolve(&[&["--strategy", strategy.name(), "--out", "my runs"], arguments].concat()).unwrap();
                for action in actions(*strategy) {
                    let command = command(&finding(Some(action)), &plan).unwrap();
                    let (repeated, state) = planned(&command, action);
                    assert_eq!((&repeated.packages, &repeated.command), (&plan.packages, &plan.command), "{command}");
                    assert_eq!((repeated.link, repeated.generated_packages), (plan.link, plan.generated_packages));
                    assert!(repeated.measured_setups().iter().any(|setup| setup.state == state), "{command}");
                    let is_kept = repeated.strategy == *strategy;
                    assert!(is_kept || matches!(action, Action::Strategy { .. }), "{command}");
                }
            }
        }
    }

    #[test]
    fn reports_and_the_overhead_have_their_folders() {
        let Some(Subcommand::Report(report)) = parsed(&details(Path::new("my runs/latest"))).command else { panic!() };
        assert_eq!(format!("{report:?}"), "ReportArgs { dir: \"my runs/latest\", details: true }");
        let plan = resolve(&["--out", "/my runs", "--scenario", "small"]).unwrap();
        let Some(Subcommand::Overhead(overhead)) = parsed(&overhead(&plan)).command else { panic!() };
        assert!(format!("{overhead:?}").contains("out: \"/my runs\""), "{overhead:?}");
    }

    #[test]
    fn a_change_of_the_link_is_no_command_for_another_server() {
        let plan = resolve(&["--remote", "env"]).unwrap();
        assert_eq!(command(&latency(), &plan), None);
        let unlimited = Action::WhatIf { change: WhatIf::ConnectionsDouble, state: CacheState::RemoteHit };
        assert!(planned(&command(&finding(Some(unlimited)), &plan).unwrap(), unlimited).0.link.is_none());
    }

    #[test]
    fn what_is_no_command_is_an_idea() {
        let plan = resolve(&["--scenario", "strategies"]).unwrap();
        assert_eq!(command(&latency(), &plan), None);
        assert_eq!(command(&finding(None), &resolve(&[]).unwrap()), None);
        assert!(idea(&latency()).starts_with("idea: a bucket in the same region"));
    }
}
