//! What the report has a row, a bar or a panel of: the legs, or the legs under cases, each with the round that stands for it.

use crate::bench::analysis::summary::{LegSummary, typical};
use crate::bench::planning::case::Case;
use crate::bench::planning::steps::Setup;
use crate::bench::reporting::case_table;
use crate::bench::reporting::results::{Results, Round};

/// A leg, or a leg under a case.
pub struct Subject<'a> {
    /// As the tables name it.
    pub name: String,
    pub setup: Setup,
    pub figures: &'a LegSummary,
    /// Of the rounds that count the one nearest to the median.
    pub round: Option<&'a Round>,
}

impl Subject<'_> {
    /// The folder of its records, below that of the run.
    pub fn folder(&self, cases: &[Case]) -> String {
        self.setup.folder(cases)
    }

    /// The name, with the round that stands for it.
    pub fn named(&self) -> String {
        let round = self.round.map(|round| format!(", round {}", round.step.round));
        format!("{}{}", self.name, round.unwrap_or_default())
    }
}

/// Those of a run: the legs first, then the cases.
pub fn subjects(results: &Results) -> Vec<Subject<'_>> {
    let subject = |name: String, setup: Setup, figures| {
        // A gap tells the leg from what it is: HTML has none.
        let name = name.replacen("  ", ": ", 1);
        let round = typical(&results.rounds, setup);
        Subject { name, setup, figures, round }
    };
    let legs = results.summary.legs.iter().map(|leg| subject(leg.leg.label().to_owned(), leg.leg.into(), leg));
    let named = results.cases.iter().zip(case_table::names(&results.cases));
    let cases = named.map(|(of, name)| {
        let case = results.plan.cases.iter().position(|case| case.slug == of.slug);
        subject(name, Setup { leg: of.figures.leg, case }, &of.figures)
    });
    legs.chain(cases).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::cases::tests::measured as of_case;
    use crate::bench::analysis::compute;
    use crate::bench::analysis::summary::tests::measured;
    use crate::bench::planning::case::tests::case;
    use crate::bench::planning::leg::Leg;
    use crate::bench::planning::plan::tests::plan_of;
    use crate::bench::reporting::results::tests::results;

    #[test]
    fn legs_come_before_cases_each_with_its_round() {
        let mut rounds = measured(Leg::BaselineFull, &[100, 102, 104]);
        rounds.extend(of_case(Leg::B, Some(0), &[300, 200, 400]));
        let mut results = results(rounds);
        results.plan = plan_of(&[Leg::BaselineFull, Leg::B], vec![case("name = \"Pack & go\"\nstrategy = \"pack\"")]);
        compute(&mut results);
        let found = subjects(&results);
        let names: Vec<String> = found.iter().map(Subject::named).collect();
        assert_eq!(names, ["baseline, cache full, round 2", "Pack & go, round 1"]);
        assert_eq!(found[1].folder(&results.plan.cases), "b/pack-go");
    }
}
