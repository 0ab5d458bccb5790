//! The value of GOCACHEPROG for one round: which backend, on which folders, with which instruments.

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Step};

/// Switches that leave nothing but the summary of the session.
pub const NO_INSTRUMENTS: &str = "--no-trace --no-request-log --no-histograms --no-wall-profile --no-samples";

/// The paths and switches of a backend that do not come from the plan.
pub struct BackendCommand<'a> {
    pub executable: &'a Path,
    /// Folder of its records.
    pub session: &'a Path,
    /// Folder of its local store.
    pub local: &'a Path,
    /// Process of the embedded S3 server, to be sampled too.
    pub server_pid: Option<u32>,
    /// Switches of the instruments instead of those of the plan.
    pub switches: Option<&'a str>,
}

impl BackendCommand<'_> {
    /// The words for a step of the plan, as go splits them.
    ///
    /// # Errors
    /// When a path cannot be quoted.
    pub fn words(&self, plan: &Plan, step: Step) -> Result<String> {
        let case = plan.case_of(&step);
        let strategy = case.map_or(plan.strategy, |case| case.strategy);
        let without = case.map(|case| case.without.as_slice()).unwrap_or_default();
        let mut words = vec![
            quoted(self.executable)?,
            "backend --quiet --session".to_owned(),
            quoted(self.session)?,
            "--cache-dir".to_owned(),
            quoted(self.local)?,
            format!("--strategy {}", value_name(&strategy)),
            self.switches.map_or_else(|| switches(plan, step), str::to_owned),
        ];
        if !without.is_empty() {
            words.push(format!("--without {}", value_names(without)));
        }
        let faults = plan.measured_case(&step).and_then(|case| case.settings.argument());
        words.extend(faults.map(|faults| format!("--fault-settings '{faults}'")));
        words.extend(self.server_pid.map(|pid| format!("--watch-s3 {pid}")));
        Ok(words.join(" "))
    }
}

/// The arguments of the backend of a case in the steps of a plan, each list once, with an `x` for each path.
///
/// # Errors
/// [`BackendCommand::words`].
pub fn all_arguments(plan: &Plan, case: usize) -> Result<Vec<Vec<String>>> {
    let path = Path::new("x");
    let command = BackendCommand { executable: path, session: path, local: path, server_pid: Some(1), switches: None };
    let mut all = Vec::new();
    for step in plan.steps.iter().filter(|step| step.case == Some(case) && step.state.uses_backend()) {
        let words = command.words(plan, *step)?.replace('\'', "");
        let arguments: Vec<String> = words.split(' ').skip(1).map(str::to_owned).collect();
        if !all.contains(&arguments) {
            all.push(arguments);
        }
    }
    Ok(all)
}

/// Which instruments of the backend are on.
fn switches(plan: &Plan, step: Step) -> String {
    let profile = match step.kind {
        // The first of such rounds is for go's own view, and starting the profiler would hold go up.
        Kind::Profile if plan.is_short(&step) && step.round == 1 => "--cpu-profile off",
        Kind::Profile if plan.is_short(&step) => "--cpu-profile first",
        Kind::Profile => "--cpu-profile on",
        Kind::Heap => "--cpu-profile off --heap-profile",
        Kind::Measured | Kind::WarmUp | Kind::Again | Kind::Preparation => "--cpu-profile off",
    };
    // Not --no-records: without a summary the state of the run is unknown.
    if plan.records { profile.to_owned() } else { format!("{profile} {NO_INSTRUMENTS}") }
}

/// A value as the command line takes it.
pub fn value_name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

/// Several of them, joined by commas.
pub fn value_names(values: &[impl ValueEnum]) -> String {
    values.iter().map(value_name).collect::<Vec<String>>().join(",")
}

/// go splits GOCACHEPROG at spaces, and knows quotes but no escapes.
pub fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))?;
    match (text.contains('\''), text.contains('"')) {
        (false, _) => Ok(format!("'{text}'")),
        (true, false) => Ok(format!("\"{text}\"")),
        (true, true) => {
            bail!("GOCACHEPROG cannot hold the path {text}: it has both kinds of quotes\n  next:  use another folder")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::case::tests::case;
    use gocacheprog::cache::{PackOption, Strategy};

    #[test]
    fn paths_are_quoted_as_go_splits_them() {
        assert_eq!(quoted(Path::new("/a b")).unwrap(), "'/a b'");
        assert_eq!(quoted(Path::new("/it's")).unwrap(), "\"/it's\"");
        assert!(quoted(Path::new("/'\"")).is_err());
    }

    #[test]
    fn what_a_case_is_told_is_listed_once() {
        let plan = plan_of(
            &[CacheState::RemoteHit, CacheState::LocalHit],
            vec![case("name = \"x\"\nstrategy = \"pack\"\nwithout = [\"order\"]")],
        );
        let all = all_arguments(&plan, 0).unwrap();
        let text =
            "backend --quiet --session x --cache-dir x --strategy pack --cpu-profile off --without order --watch-s3 1";
        assert_eq!(all, [text.split(' ').collect::<Vec<&str>>()]);
    }

    #[test]
    fn values_are_named_as_the_backend_takes_them() {
        assert_eq!(value_name(&Strategy::Pack), "pack");
        assert_eq!(value_names(&[PackOption::Order, PackOption::Prefetch]), "order,prefetch");
    }
}
