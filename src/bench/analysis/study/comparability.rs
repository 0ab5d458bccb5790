//! The conditions for comparing two saved runs: settings that must be the same, and settings whose difference raises a doubt.

use crate::plan::run_plan::Plan;
use crate::results::environment::Environment;
use crate::results::run::Run;
use crate::scenario::case::Case;

/// A setting of a run that is not the same in two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// The command, and the module that is built.
    Build,
    GoSettings,
    Remote,
    Link,
    Go,
    Processor,
    Cores,
    /// Compared in whole GiB.
    Memory,
    System,
    /// The file system of the caches.
    FileSystem,
    /// The records of the backend, on or off.
    Records,
    Kernel,
    /// A setting of the cases of this name.
    Case(String, CaseSetting),
}

/// A setting of a case, but for its strategy, options and backend, which are what may be compared, and the number of its rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseSetting {
    Link,
    RemoteShare,
    Change,
    Trimpath,
    State,
    FaultSettings,
    Faults,
    BusyProcesses,
    Jobs,
}

/// The settings for which two runs cannot be compared; empty where they can.
pub fn obstacles(before: &Run, after: &Run) -> Vec<Setting> {
    let (one, other) = (&before.plan, &after.plan);
    let (here, there) = (&before.environment, &after.environment);
    let mut obstacles = Vec::new();
    for (setting, is_same) in [
        (Setting::Build, build(one) == build(other)),
        (Setting::GoSettings, here.go_settings == there.go_settings),
        (Setting::Remote, one.remote == other.remote),
        // Each case has a link of its own.
        (
            Setting::Link,
            one.cases.is_empty() == other.cases.is_empty() && (!one.cases.is_empty() || one.link == other.link),
        ),
        (Setting::Go, (&here.go_version, &here.go_platform) == (&there.go_version, &there.go_platform)),
        (Setting::Processor, here.cpu_model == there.cpu_model),
        (Setting::Cores, here.cores == there.cores),
        (Setting::Memory, memory_gib(here) == memory_gib(there)),
        (Setting::System, here.os == there.os),
        (Setting::FileSystem, here.file_system == there.file_system),
    ] {
        if !is_same {
            obstacles.push(setting);
        }
    }
    for case in &after.plan.cases {
        if let Some(partner) = before.plan.cases.iter().find(|other| other.name == case.name) {
            let differ = different_settings(partner, case).into_iter();
            obstacles.extend(differ.map(|setting| Setting::Case(case.name.clone(), setting)));
        }
    }
    obstacles
}

/// The settings that may make a difference beside the backend, and are no reason to refuse a comparison.
pub fn doubts(before: &Run, after: &Run) -> Vec<Setting> {
    let mut doubts = Vec::new();
    if before.plan.records != after.plan.records {
        doubts.push(Setting::Records);
    }
    if before.environment.kernel != after.environment.kernel {
        doubts.push(Setting::Kernel);
    }
    doubts
}

/// Memory of a machine in GiB, rounded up.
pub fn memory_gib(environment: &Environment) -> Option<u64> {
    environment.memory_bytes.map(|bytes| bytes.div_ceil(1 << 30))
}

fn build(plan: &Plan) -> impl PartialEq {
    let generated = (plan.generated_packages, plan.data_kib, plan.imports.clone(), plan.dependency_packages);
    (plan.what_is_timed(), plan.module.clone(), generated)
}

fn different_settings(before: &Case, after: &Case) -> Vec<CaseSetting> {
    // Part by part, so that whoever adds one has to think of it here.
    let Case { name: _, slug: _, strategy: _, without: _, rounds: _, backend: _, baseline: _, pair: _, link, .. } =
        before;
    let Case { remote_share, change, trimpath, state, settings, faults, busy, jobs, .. } = before;
    let same = [
        (CaseSetting::Link, *link == after.link),
        (CaseSetting::RemoteShare, *remote_share == after.remote_share),
        (CaseSetting::Change, *change == after.change),
        (CaseSetting::Trimpath, *trimpath == after.trimpath),
        (CaseSetting::State, *state == after.state),
        (CaseSetting::FaultSettings, *settings == after.settings),
        (CaseSetting::Faults, *faults == after.faults),
        (CaseSetting::BusyProcesses, *busy == after.busy),
        (CaseSetting::Jobs, *jobs == after.jobs),
    ];
    same.into_iter().filter(|(_, is_same)| !is_same).map(|(setting, _)| setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::go_command::GoCommand;
    use crate::results::run::tests::run;
    use crate::scenario::case::tests::case;

    #[test]
    fn other_machines_links_and_workloads_are_obstacles() {
        let (one, mut other) = (run(Vec::new()), run(Vec::new()));
        assert_eq!((obstacles(&one, &other), doubts(&one, &other)), (Vec::new(), Vec::new()));
        other.plan.command = Some(GoCommand::build("./cmd/..."));
        other.environment.go_settings = [("GOFLAGS".to_owned(), "-tags=x".to_owned())].into();
        other.environment.cores = Some(64);
        other.environment.cpu_model = Some("Fast".to_owned());
        other.environment.memory_bytes = Some(3 << 30);
        other.plan.link = None;
        let expected =
            [Setting::Build, Setting::GoSettings, Setting::Link, Setting::Processor, Setting::Cores, Setting::Memory];
        assert_eq!(obstacles(&one, &other), expected);
    }

    #[test]
    fn each_part_of_the_module_counts() {
        let one = run(Vec::new());
        for change in [
            |plan: &mut Plan| plan.imports = vec!["fmt".to_owned()],
            |plan: &mut Plan| plan.data_kib = 192,
            |plan: &mut Plan| plan.generated_packages = None,
            |plan: &mut Plan| plan.dependency_packages = 3,
            |plan: &mut Plan| plan.module = Some("/src/mine".into()),
        ] {
            let mut other = one.clone();
            change(&mut other.plan);
            assert_eq!(obstacles(&one, &other), [Setting::Build]);
        }
    }

    #[test]
    fn cases_of_one_name_have_to_run_alike_but_for_their_strategy() {
        let with = |text: &str| {
            let mut run = run(Vec::new());
            run.plan.cases = vec![case(&format!("name = \"x\"\n{text}"))];
            run
        };
        for alike in ["strategy = \"workshop\"", "rounds = 2"] {
            assert_eq!(obstacles(&with(""), &with(alike)), []);
        }
        for (text, setting) in [
            ("link = { latency_ms = 90 }", CaseSetting::Link),
            ("remote_share = 50", CaseSetting::RemoteShare),
            ("trimpath = true", CaseSetting::Trimpath),
            ("state = \"remote-hit\"", CaseSetting::State),
            ("settings = { sync = true }", CaseSetting::FaultSettings),
            ("faults = [\"slow-down:20\"]", CaseSetting::Faults),
            ("busy = 2", CaseSetting::BusyProcesses),
            ("jobs = 8", CaseSetting::Jobs),
        ] {
            assert_eq!(obstacles(&with(""), &with(text)), [Setting::Case("x".to_owned(), setting)], "{text}");
        }
    }

    #[test]
    fn other_records_and_kernels_are_doubts_and_no_obstacles() {
        let (one, mut other) = (run(Vec::new()), run(Vec::new()));
        other.plan.records = false;
        other.environment.kernel = Some("6.1".to_owned());
        assert_eq!(obstacles(&one, &other), []);
        assert_eq!(doubts(&one, &other), [Setting::Records, Setting::Kernel]);
    }
}
