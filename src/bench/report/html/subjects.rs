//! The rows, bars and panels of the report: the states, or the states under cases, each with its typical round.

use crate::analysis::results::Results;
use crate::analysis::statistics::rounds::typical;
use crate::analysis::study::summary::StateSummary;
use crate::plan::steps::Setup;
use crate::report::terminal::cases as case_table;
use crate::results::round::Round;
use crate::scenario::case::Case;

/// A state, or a state under a case.
pub struct Subject<'a> {
    /// The name in the tables.
    pub name: String,
    pub setup: Setup,
    pub figures: &'a StateSummary,
    /// The counted round nearest to the median.
    pub round: Option<&'a Round>,
}

impl Subject<'_> {
    /// The folder of its records, below that of the run.
    pub fn folder(&self, cases: &[Case]) -> String {
        self.setup.folder(cases)
    }

    /// The name with the number of the typical round.
    pub fn named(&self) -> String {
        let round = self.round.map(|round| format!(", round {}", round.step.round));
        format!("{}{}", self.name, round.unwrap_or_default())
    }
}

/// The subjects of a run: the states first, then the cases.
pub fn subjects(results: &Results) -> Vec<Subject<'_>> {
    let subject = |name: String, setup: Setup, figures| {
        // Tables separate state and case by two spaces, which HTML would show as one.
        let name = name.replacen("  ", ": ", 1);
        let round = typical(&results.run.rounds, setup);
        Subject { name, setup, figures, round }
    };
    let states = results
        .analysis
        .summary
        .states
        .iter()
        .map(|state| subject(state.state.name().to_owned(), state.state.into(), state));
    let named = results.analysis.cases.iter().zip(case_table::names(&results.analysis.cases));
    let cases = named.map(|(of, name)| {
        let case = results.run.plan.cases.iter().position(|case| case.slug == of.slug);
        subject(name, Setup { state: of.figures.state, case }, &of.figures)
    });
    states.chain(cases).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::cases::tests::measured as of_case;
    use crate::analysis::study::summary::tests::measured;
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::case::tests::case;

    #[test]
    fn states_come_before_cases_each_with_its_round() {
        let mut rounds = measured(CacheState::GoWarm, &[100, 102, 104]);
        rounds.extend(of_case(CacheState::RemoteHit, Some(0), &[300, 200, 400]));
        let mut results = results(rounds);
        results.run.plan = plan_of(
            &[CacheState::GoWarm, CacheState::RemoteHit],
            vec![case("name = \"Pack & go\"\nstrategy = \"pack\"")],
        );
        results.update();
        let found = subjects(&results);
        let names: Vec<String> = found.iter().map(Subject::named).collect();
        assert_eq!(names, ["go-warm, round 2", "Pack & go, round 1"]);
        assert_eq!(found[1].folder(&results.run.plan.cases), "remote-hit/pack-go");
    }
}
