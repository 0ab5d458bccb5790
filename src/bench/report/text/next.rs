//! The next step for a bottleneck: a command that runs when it is pasted, or an idea.

use std::path::Path;

use crate::bench::analysis::verdict::finding::{Action, Finding};
use crate::bench::plan::go_command::quoted;
use crate::bench::plan::run_plan::Plan;
use crate::bench::report::text::finding;

/// The command, if there is one for this run: with the program as the user called it, and the arguments that define the build.
pub fn command(finding: &Finding, plan: &Plan) -> Option<String> {
    // The settings of a case are in no argument.
    if !plan.cases.is_empty() || !plan.study.groups().is_empty() {
        return None;
    }
    let action = finding.action?;
    let mut words = vec![program()];
    match action {
        Action::WhatIf { change, state } => {
            words.extend(["what-if", "--state", state.name(), "--change", &change.name()].map(str::to_owned));
        }
        Action::Strategy { state, strategy } => {
            let asked = ["--only", state.name(), "--strategy", strategy.name()];
            words.extend(asked.map(str::to_owned));
        }
    }
    let mut given = plan.build_arguments.iter();
    while let Some(word) = given.next() {
        // It is the one to be changed.
        if matches!(action, Action::Strategy { .. }) && word == "--strategy" {
            given.next();
        } else {
            words.push(word.clone());
        }
    }
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<String>>().join(" "))
}

/// `run: COMMAND`, or `idea: …`.
pub fn sentence(finding: &Finding, plan: &Plan) -> String {
    match command(finding, plan) {
        Some(command) => format!("run: {command}"),
        None => format!("idea: {}", finding::idea(&finding.bottleneck)),
    }
}

/// The command that prints all tables of a run.
pub fn details(folder: &Path) -> String {
    format!("{} report --details {}", quoted(&program()), quoted(&folder.display().to_string()))
}

/// This program as the user called it.
fn program() -> String {
    std::env::args_os().next().map_or_else(|| "bench".to_owned(), |program| program.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::verdict::finding::Bottleneck;
    use crate::bench::plan::run_plan::tests::resolve;
    use crate::bench::plan::what_if::WhatIf;
    use crate::bench::scenario::cache_state::CacheState;
    use crate::bench::scenario::rule::Rule;
    use crate::cache::Strategy;

    fn finding(action: Option<Action>) -> Finding {
        let bottleneck = Bottleneck::Latency { first_byte_ns: 2e7 };
        Finding { action, ..Finding::new(Rule::Latency, bottleneck, Vec::new()) }
    }

    fn latency() -> Finding {
        finding(Some(Action::WhatIf { change: WhatIf::NoLatency, state: CacheState::RemoteHit }))
    }

    #[test]
    fn a_command_has_the_arguments_of_the_run() {
        let words =
            ["--scenario", "small", "--rtt", "5", "--strategy", "async", "--", "go", "test", "-run", "A B", "./..."];
        let plan = resolve(&words).unwrap();
        let command = command(&latency(), &plan).unwrap();
        let expected = "what-if --state remote-hit --change latency-0 --scenario small --strategy async --rtt 5 -- go \
                        test -run 'A B' ./...";
        assert!(command.ends_with(expected), "{command}");
        assert!(sentence(&latency(), &plan).starts_with("run: "));
        let pack = finding(Some(Action::Strategy { state: CacheState::RemoteHit, strategy: Strategy::Pack }));
        let command = super::command(&pack, &plan).unwrap();
        assert!(command.contains("--only remote-hit --strategy pack --scenario small --rtt 5"), "{command}");
    }

    #[test]
    fn what_is_no_command_is_an_idea() {
        let plan = resolve(&["--scenario", "strategies"]).unwrap();
        assert_eq!(command(&latency(), &plan), None);
        assert!(sentence(&latency(), &plan).starts_with("idea: a bucket in the same region"));
        assert!(sentence(&finding(None), &resolve(&[]).unwrap()).starts_with("idea: "));
    }
}
