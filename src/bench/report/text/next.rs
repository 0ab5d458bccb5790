//! What to do about a bottleneck: a command that runs when it is pasted, or an idea.

use clap::ValueEnum;

use crate::bench::analysis::verdict::rules::Next;
use crate::bench::plan::run_plan::Plan;

/// The command, if there is one for this run: with the program as the user called it, and the arguments that define the build.
pub fn command(next: &Next, plan: &Plan) -> Option<String> {
    // The settings of a case are in no argument.
    if !plan.cases.is_empty() || !plan.groups.is_empty() {
        return None;
    }
    let mut words = vec![program()];
    match next {
        Next::WhatIf { change, state, strategy } => {
            let change = change.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
            let asked = ["what-if", "--state", state.name(), "--change", &change, "--strategy", strategy.name()];
            words.extend(asked.map(str::to_owned));
        }
        Next::Strategy { state, strategy } => {
            let asked = ["--only", state.name(), "--strategy", strategy.name()];
            words.extend(asked.map(str::to_owned));
        }
        Next::Idea(_) => return None,
    }
    words.extend(plan.build_arguments.iter().cloned());
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<String>>().join(" "))
}

/// `run: COMMAND`, or `idea: …`.
pub fn sentence(next: &Next, plan: &Plan) -> String {
    match (command(next, plan), next) {
        (Some(command), _) => format!("run: {command}"),
        (None, Next::Idea(idea)) => format!("idea: {idea}"),
        (None, Next::WhatIf { change, .. }) => {
            let change = change.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
            format!("idea: bench what-if measures it with --change {change}, under the settings of this case")
        }
        (None, Next::Strategy { strategy, .. }) => format!("idea: the strategy {}", strategy.name()),
    }
}

/// The command that prints all tables of a run.
pub fn details(run: &str) -> String {
    format!("{} report --details {}", quoted(&program()), quoted(run))
}

/// This program as the user called it.
fn program() -> String {
    std::env::args_os().next().map_or_else(|| "bench".to_owned(), |program| program.to_string_lossy().into_owned())
}

/// A word as a POSIX shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::run_plan::tests::resolve;
    use crate::bench::plan::what_if::WhatIf;
    use crate::bench::scenario::cache_state::CacheState;
    use crate::cache::Strategy;

    fn latency() -> Next {
        Next::WhatIf { change: WhatIf::NoLatency, state: CacheState::RemoteHit, strategy: Strategy::Pack }
    }

    #[test]
    fn a_command_has_the_arguments_of_the_run() {
        let plan = resolve(&["--scenario", "small", "--rtt", "5", "--", "go", "test", "-run", "A B", "./..."]).unwrap();
        let command = command(&latency(), &plan).unwrap();
        let expected = "what-if --state remote-hit --change latency-0 --strategy pack --scenario small --rtt 5 -- go test -run 'A B' ./...";
        assert!(command.ends_with(expected), "{command}");
        assert!(sentence(&latency(), &plan).starts_with("run: "));
    }

    #[test]
    fn what_is_no_command_is_an_idea() {
        let plan = resolve(&["--scenario", "strategies"]).unwrap();
        assert_eq!(command(&latency(), &plan), None);
        assert!(sentence(&latency(), &plan).starts_with("idea: "));
        assert_eq!(sentence(&Next::Idea("less".to_owned()), &plan), "idea: less");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!([quoted("a/b.c"), quoted("it's"), quoted("")], ["a/b.c", "'it'\\''s'", "''"]);
    }
}
