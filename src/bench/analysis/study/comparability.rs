//! Whether two saved runs can be compared at all: what they have to have in common, and what is to be doubted where it differs.

use crate::bench::plan::run_plan::Plan;
use crate::bench::results::run::Run;
use crate::bench::scenario::case::Case;
use crate::bench::scenario::link::Link;

/// Why two runs cannot be compared; nothing where they can.
pub fn obstacles(before: &Run, after: &Run) -> Vec<String> {
    let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    let of = |results: &Run| {
        let (plan, environment) = (&results.plan, &results.environment);
        let link = if plan.cases.is_empty() { words_of(plan.link) } else { "of its cases".to_owned() };
        [
            ("what is built", what_is_built(plan)),
            ("the go settings", or_none(environment.settings_in_words())),
            ("the remote", format!("{:?}", plan.remote).to_lowercase()),
            ("the link", link),
            ("go", format!("{} {}", environment.go_version, environment.go_platform)),
            ("the processor", words(&environment.cpu_model)),
            ("the cores", words(&environment.cores.map(|cores| cores.to_string()))),
            ("the memory", words(&environment.memory_bytes.map(|bytes| format!("{} GiB", bytes.div_ceil(1 << 30))))),
            ("the system", words(&environment.os)),
            ("the file system of the caches", words(&environment.file_system)),
        ]
    };
    let differ = of(before).into_iter().zip(of(after)).filter(|((_, one), (_, other))| one != other);
    let differ = differ.map(|((what, one), (_, other))| differs(what, &one, &other));
    differ.chain(cases_that_differ(&before.plan, &after.plan)).collect()
}

fn or_none(words: String) -> String {
    if words.is_empty() { "none".to_owned() } else { words }
}

fn differs(what: &str, one: &str, other: &str) -> String {
    format!("{what}: {one} in the first, {other} in the second")
}

/// What may make a difference beside the backend, and is none to refuse two runs for.
pub fn doubts(before: &Run, after: &Run) -> Vec<String> {
    let of = |results: &Run| {
        let records = if results.plan.records { "on" } else { "off" };
        let kernel = results.environment.kernel.as_deref().unwrap_or("not known");
        [("the records of the backend", records.to_owned()), ("the kernel", kernel.to_owned())]
    };
    let differ = of(before).into_iter().zip(of(after)).filter(|((_, one), (_, other))| one != other);
    differ.map(|((what, one), (_, other))| differs(what, &one, &other)).collect()
}

fn words_of(link: Option<Link>) -> String {
    link.map_or("that to the S3 of the S3_* variables".to_owned(), |link| link.words())
}

fn what_is_built(plan: &Plan) -> String {
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

/// Cases of one name that run under other circumstances; another strategy is what may be compared.
fn cases_that_differ(before: &Plan, after: &Plan) -> Vec<String> {
    let both = after.cases.iter().filter_map(|case| {
        let partner = before.cases.iter().find(|other| other.name == case.name)?;
        Some((case, circumstances(partner).into_iter().zip(circumstances(case))))
    });
    let differ = both.flat_map(|(case, pairs)| {
        let differ = pairs.filter(|((_, one), (_, other))| one != other);
        differ.map(|((what, one), (_, other))| differs(&format!("the {what} of `{}`", case.name), &one, &other))
    });
    differ.collect()
}

/// What a case runs under, but for its strategy and its backend, which are what may be compared, and for the number of its rounds.
fn circumstances(case: &Case) -> Vec<(&'static str, String)> {
    // Part by part, so that whoever adds one has to think of it here.
    let Case { name: _, slug: _, strategy: _, without: _, rounds: _, backend: _, link, remote_share, .. } = case;
    let Case { change, trimpath, state, settings, faults, busy, jobs, .. } = case;
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    let faults = (!faults.is_empty()).then(|| serde_json::to_string(faults).unwrap_or_default());
    vec![
        ("link", words_of(*link)),
        ("remote_share", format!("{remote_share} %")),
        ("change", or(change.map(|change| format!("{change:?}")), "none")),
        ("trimpath", trimpath.to_string()),
        ("state", or(state.map(|state| state.to_string()), "all")),
        ("fault settings", or(settings.argument(), "none")),
        ("faults", or(faults, "none")),
        ("busy processes", busy.to_string()),
        ("jobs", or(jobs.map(|jobs| jobs.to_string()), "one a core")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::go_command::GoCommand;
    use crate::bench::results::run::tests::run;
    use crate::bench::scenario::case::tests::case;

    #[test]
    fn other_machines_links_and_workloads_are_refused_by_name() {
        let (one, mut other) = (run(Vec::new()), run(Vec::new()));
        assert_eq!((obstacles(&one, &other), doubts(&one, &other)), (Vec::new(), Vec::new()));
        other.plan.command = Some(GoCommand::build("./cmd/..."));
        other.environment.go_settings = [("GOFLAGS".to_owned(), "-tags=x".to_owned())].into();
        other.environment.cores = Some(64);
        other.environment.cpu_model = Some("Fast".to_owned());
        other.environment.memory_bytes = Some(3 << 30);
        other.plan.imports = vec!["fmt".to_owned()];
        other.plan.data_kib = 192;
        other.plan.link = None;
        let found = obstacles(&one, &other);
        let expected = [
            "what is built: go build ./... in a module of 12 packages in the first, go build ./cmd/... in a module of 12 \
             packages with 192 KiB of data each that import fmt in the second",
            "the go settings: none in the first, GOFLAGS=-tags=x in the second",
            "the link: first byte 20 ms, jitter 0 ms, bandwidth not limited in the first, that to the S3 of the S3_* \
             variables in the second",
            "the processor: not known in the first, Fast in the second",
            "the cores: 2 in the first, 64 in the second",
            "the memory: not known in the first, 3 GiB in the second",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn cases_of_one_name_have_to_run_alike_but_for_their_strategy() {
        let with = |text: &str| {
            let mut run = run(Vec::new());
            run.plan.cases = vec![case(&format!("name = \"x\"\n{text}"))];
            run
        };
        assert_eq!(obstacles(&with("strategy = \"workshop\""), &with("strategy = \"pack\"")), Vec::<String>::new());
        let found = obstacles(&with(""), &with("link = { latency_ms = 90 }")).join("\n");
        assert!(
            found.starts_with("the link of `x`: first byte 20 ms") && found.contains("first byte 90 ms"),
            "{found}"
        );
        for (text, words) in [
            ("remote_share = 50", "the remote_share of `x`: 100 % in the first, 50 % in the second"),
            ("trimpath = true", "the trimpath of `x`: false in the first, true in the second"),
            (
                "settings = { sync = true }",
                "the fault settings of `x`: none in the first, {\"sync\":true} in the second",
            ),
            ("busy = 2", "the busy processes of `x`: 0 in the first, 2 in the second"),
            ("jobs = 8", "the jobs of `x`: one a core in the first, 8 in the second"),
            ("state = \"remote-hit\"", "the state of `x`: all in the first, remote-hit in the second"),
        ] {
            assert_eq!(obstacles(&with(""), &with(text)), [words], "{text}");
        }
        let found = obstacles(&with(""), &with("faults = [\"slow-down:20\"]")).join("\n");
        assert!(
            found.starts_with("the faults of `x`: none in the first, ") && found.contains("slow-down:20"),
            "{found}"
        );
        assert_eq!(obstacles(&with(""), &with("rounds = 2")), Vec::<String>::new());
    }

    #[test]
    fn other_records_and_kernels_are_told_and_no_reason_to_refuse() {
        let (one, mut other) = (run(Vec::new()), run(Vec::new()));
        other.plan.records = false;
        other.environment.kernel = Some("6.1".to_owned());
        assert_eq!(obstacles(&one, &other), Vec::<String>::new());
        let expected = [
            "the records of the backend: on in the first, off in the second",
            "the kernel: not known in the first, 6.1 in the second",
        ];
        assert_eq!(doubts(&one, &other), expected);
    }
}
