//! Differences between the settings of two runs, in words.

use crate::analysis::study::comparability::{CaseSetting, Setting, memory_gib};
use crate::plan::run_plan::Plan;
use crate::results::run::Run;
use crate::scenario::case::Case;
use crate::scenario::link::Link;

/// `the cores: 2 in the first run, 64 in the second`.
pub fn difference(setting: &Setting, before: &Run, after: &Run) -> String {
    let name = match setting {
        Setting::Build => "the build",
        Setting::GoSettings => "the go settings",
        Setting::Remote => "the remote",
        Setting::Link => "the link",
        Setting::Go => "go",
        Setting::Processor => "the processor",
        Setting::Cores => "the cores",
        Setting::Memory => "the memory",
        Setting::System => "the system",
        Setting::FileSystem => "the file system of the caches",
        Setting::Records => "the records of the backend",
        Setting::Kernel => "the kernel",
        Setting::Case(case, setting) => &format!("{} of the case `{case}`", case_setting(*setting)),
    };
    format!("{name}: {} in the first run, {} in the second", value(setting, before), value(setting, after))
}

fn case_setting(setting: CaseSetting) -> &'static str {
    match setting {
        CaseSetting::Link => "the link",
        CaseSetting::RemoteShare => "remote_share",
        CaseSetting::Change => "the change",
        CaseSetting::Trimpath => "trimpath",
        CaseSetting::State => "the state",
        CaseSetting::FaultSettings => "the fault-injection settings",
        CaseSetting::Faults => "the faults",
        CaseSetting::BusyProcesses => "the busy processes",
        CaseSetting::Jobs => "the jobs",
    }
}

fn value(setting: &Setting, run: &Run) -> String {
    let (plan, environment) = (&run.plan, &run.environment);
    let known = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
    match setting {
        Setting::Build => build(plan),
        Setting::GoSettings if environment.go_settings.is_empty() => "none".to_owned(),
        Setting::GoSettings => environment.settings_in_words(),
        Setting::Remote => format!("{:?}", plan.remote).to_lowercase(),
        Setting::Link if plan.cases.is_empty() => link(plan.link),
        Setting::Link => "one for each case".to_owned(),
        Setting::Go => format!("{} {}", environment.go_version, environment.go_platform),
        Setting::Processor => known(environment.cpu_model.clone()),
        Setting::Cores => known(environment.cores.map(|cores| cores.to_string())),
        Setting::Memory => known(memory_gib(environment).map(|gib| format!("{gib} GiB"))),
        Setting::System => known(environment.os.clone()),
        Setting::FileSystem => known(environment.file_system.clone()),
        Setting::Records if plan.records => "on".to_owned(),
        Setting::Records => "off".to_owned(),
        Setting::Kernel => known(environment.kernel.clone()),
        Setting::Case(name, setting) => {
            let case = plan.cases.iter().find(|case| case.name == *name);
            case.map_or_else(|| "none".to_owned(), |case| case_value(*setting, case))
        }
    }
}

fn case_value(setting: CaseSetting, case: &Case) -> String {
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    match setting {
        CaseSetting::Link => link(case.link),
        CaseSetting::RemoteShare => format!("{} %", case.remote_share),
        CaseSetting::Change => or(case.change.map(|change| format!("{change:?}")), "none"),
        CaseSetting::Trimpath => case.trimpath.to_string(),
        CaseSetting::State => or(case.state.map(|state| state.to_string()), "all"),
        CaseSetting::FaultSettings => or(case.settings.argument(), "none"),
        CaseSetting::Faults if case.faults.is_empty() => "none".to_owned(),
        CaseSetting::Faults => serde_json::to_string(&case.faults).unwrap_or_default(),
        CaseSetting::BusyProcesses => case.busy.to_string(),
        CaseSetting::Jobs => or(case.jobs.map(|jobs| jobs.to_string()), "one a core"),
    }
}

fn link(link: Option<Link>) -> String {
    link.map_or("that to the S3 of the S3_* variables".to_owned(), |link| link.words())
}

fn build(plan: &Plan) -> String {
    let mut words = plan.what_is_timed();
    if let Some(folder) = &plan.module {
        words += &format!(" in {}", folder.display());
    }
    if let Some(packages) = plan.generated_packages {
        words += &format!(" in a module of {packages} packages");
        if plan.data_kib > 0 {
            words += &format!(" with {} KiB of data each", plan.data_kib);
        }
        if !plan.imports.is_empty() {
            words += &format!(" that import {}", plan.imports.join(", "));
        }
        if plan.dependency_packages > 0 {
            words += &format!(" and {} of a dependency", plan.dependency_packages);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::comparability::obstacles;
    use crate::plan::go_command::GoCommand;
    use crate::results::run::tests::run;
    use crate::scenario::case::tests::case;

    #[test]
    fn a_difference_has_both_values() {
        let (one, mut other) = (run(Vec::new()), run(Vec::new()));
        other.plan.command = Some(GoCommand::build("./cmd/..."));
        other.environment.go_settings = [("GOFLAGS".to_owned(), "-tags=x".to_owned())].into();
        other.environment.cpu_model = Some("Fast".to_owned());
        other.environment.memory_bytes = Some(3 << 30);
        other.plan.imports = vec!["fmt".to_owned()];
        other.plan.data_kib = 192;
        other.plan.link = None;
        let found: Vec<String> =
            obstacles(&one, &other).iter().map(|setting| difference(setting, &one, &other)).collect();
        let expected = [
            "the build: go build ./... in a module of 12 packages in the first run, go build ./cmd/... in a module of 12 \
             packages with 192 KiB of data each that import fmt in the second",
            "the go settings: none in the first run, GOFLAGS=-tags=x in the second",
            "the link: first byte 20 ms, round trip 1 ms, jitter 0 ms, bandwidth not limited in the first run, that to the S3 of the S3_* \
             variables in the second",
            "the processor: not known in the first run, Fast in the second",
            "the memory: not known in the first run, 3 GiB in the second",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_difference_of_cases_names_the_case() {
        let with = |text: &str| {
            let mut run = run(Vec::new());
            run.plan.cases = vec![case(&format!("name = \"x\"\n{text}"))];
            run
        };
        for (text, words) in [
            ("remote_share = 50", "remote_share of the case `x`: 100 % in the first run, 50 % in the second"),
            ("jobs = 8", "the jobs of the case `x`: one a core in the first run, 8 in the second"),
            (
                "settings = { sync = true }",
                "the fault-injection settings of the case `x`: none in the first run, {\"sync\":true} in the second",
            ),
        ] {
            let (one, other) = (with(""), with(text));
            let found: Vec<String> =
                obstacles(&one, &other).iter().map(|setting| difference(setting, &one, &other)).collect();
            assert_eq!(found, [words]);
        }
    }
}
