//! Whether two saved runs can be compared at all: what they have to have in common, and what is to be doubted where it differs.

use crate::bench::planning::case::Case;
use crate::bench::planning::link::Link;
use crate::bench::planning::plan::Plan;
use crate::bench::reporting::results::Results;

/// Why two runs cannot be compared; nothing where they can.
pub fn obstacles(before: &Results, after: &Results) -> Vec<String> {
    let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    let of = |results: &Results| {
        let (plan, environment) = (&results.plan, &results.environment);
        let link = if plan.cases.is_empty() { words_of(plan.link) } else { "of its cases".to_owned() };
        [
            ("what is built", what_is_built(plan)),
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

fn differs(what: &str, one: &str, other: &str) -> String {
    format!("{what}: {one} in the first, {other} in the second")
}

/// What may make a difference beside the backend, and is none to refuse two runs for.
pub fn doubts(before: &Results, after: &Results) -> Vec<String> {
    let of = |results: &Results| {
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
    let mut words = format!("go build {}", plan.what_is_built());
    if let Some(folder) = &plan.module {
        words += &format!(" in {}", folder.display());
    }
    if let Some(packages) = plan.generated_packages {
        words += &format!(" in a module of {packages} packages");
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
        let build = |case: &Case| (case.remote_share, case.change, case.trimpath);
        if partner.link != case.link {
            return Some(differs(
                &format!("the link of `{}`", case.name),
                &words_of(partner.link),
                &words_of(case.link),
            ));
        }
        let words = format!("the case `{}`: its remote_share, change or trimpath is another one", case.name);
        (build(partner) != build(case)).then_some(words)
    });
    both.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::planning::case::tests::case;
    use crate::bench::reporting::results::tests::results;

    #[test]
    fn other_machines_links_and_workloads_are_refused_by_name() {
        let (one, mut other) = (results(Vec::new()), results(Vec::new()));
        assert_eq!((obstacles(&one, &other), doubts(&one, &other)), (Vec::new(), Vec::new()));
        other.environment.cores = Some(64);
        other.environment.cpu_model = Some("Fast".to_owned());
        other.environment.memory_bytes = Some(3 << 30);
        other.plan.imports = vec!["fmt".to_owned()];
        other.plan.link = None;
        let found = obstacles(&one, &other);
        let expected = [
            "what is built: go build ./... in a module of 12 packages in the first, go build ./... in a module of 12 \
             packages that import fmt in the second",
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
            let mut run = results(Vec::new());
            run.plan.cases = vec![case(&format!("name = \"x\"\n{text}"))];
            run
        };
        assert_eq!(obstacles(&with("strategy = \"workshop\""), &with("strategy = \"pack\"")), Vec::<String>::new());
        let found = obstacles(&with(""), &with("link = { latency_ms = 90 }")).join("\n");
        assert!(
            found.starts_with("the link of `x`: first byte 20 ms") && found.contains("first byte 90 ms"),
            "{found}"
        );
        assert!(obstacles(&with(""), &with("remote_share = 50"))[0].contains("the case `x`"));
    }

    #[test]
    fn other_records_and_kernels_are_told_and_no_reason_to_refuse() {
        let (one, mut other) = (results(Vec::new()), results(Vec::new()));
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
