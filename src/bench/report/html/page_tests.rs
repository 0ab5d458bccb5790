//! The page as a whole: with every part, with parts missing, with text that looks like markup.

use std::path::Path;

use super::*;

use crate::analysis::results::tests::results;
use crate::analysis::statistics::noise::tests::again;
use crate::analysis::study::cases::tests::measured as of_case;
use crate::analysis::study::ci::tests::{groups, study};
use crate::analysis::study::network::tests::{network, study as network_study};
use crate::analysis::study::summary::tests::measured;
use crate::analysis::time::critical_path::{CriticalPath, PathStep};
use crate::execute::backend::session::tests::quiet;
use crate::plan::run_plan::tests::plan_of;
use crate::plan::steps::Kind;
use crate::results::run::Ended;
use crate::results::time_breakdown::BuildTimes;
use crate::results::time_breakdown::TimeBreakdown;
use crate::results::time_breakdown::tests::log;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::tests::case;

use crate::report::html::sections::files::PERFETTO;
use crate::report::html::verdict::tests::verdict;
use crate::report::terminal::savings::tests::{saved, savings};

const MARKUP: &str = "<script src=\"http://x\">&amp;</script>";

/// The parts of the page of a run with everything, in order.
const ALL_PARTS: [&str; 15] = [
    "verdict",
    "samples",
    "tables",
    "breakdown",
    "flight",
    "latency",
    "path",
    "flames",
    "savings",
    "notes",
    "missing",
    "environment",
    "run",
    "trace",
    "records",
];

/// A path of two steps.
pub fn critical_path() -> CriticalPath {
    let step = |package: &str, ready_ns, start_ns, done_ns, cache_ns| PathStep {
        mode: "build".to_owned(),
        package: package.to_owned(),
        ready_ns,
        start_ns,
        done_ns,
        cache_ns,
        queue_cache_ns: 0,
        commands_ns: 1000,
    };
    let steps = vec![step("internal/abi", 0, 1000, 3000, Some(500)), step(MARKUP, 3000, 3000, 9000, None)];
    CriticalPath { folder: "remote-hit/profile".to_owned(), wall_ns: 10_000, cache_ns: 500, worker_ns: 0, steps }
}

/// The five states, b and a with a session and an account.
fn five_states() -> Results {
    let mut rounds = measured(CacheState::GoCold, &[9000]);
    rounds.extend(measured(CacheState::GoWarm, &[100, 101, 99, 100, 100]));
    rounds.extend(again(&[100, 102, 99, 101, 100]));
    rounds.extend(measured(CacheState::Cold, &[9100]));
    rounds.extend(measured(CacheState::RemoteHit, &[210, 211, 350, 210, 209]));
    rounds.extend(measured(CacheState::LocalHit, &[110, 111, 112, 110, 109]));
    for round in rounds.iter_mut().filter(|round| round.step.state.uses_backend()) {
        let wall_ns = round.wall_ns;
        let frame = BuildTimes {
            backend_ns: 10,
            handshake_ns: 20,
            released_ns: wall_ns - 5,
            wall_ns,
            workers: 2,
            cores: 2,
            go_cpu_ns: 0,
        };
        round.session = Some(quiet());
        round.time_breakdown = Some(TimeBreakdown::of(frame, &log(Vec::new())));
    }
    let mut profiled = rounds.last().cloned().unwrap();
    profiled.step.kind = Kind::Profile;
    rounds.push(profiled);
    let mut results = results(rounds);
    results.run.environment.goroot = MARKUP.to_owned();
    results.update();
    results
}

/// Writes the records that the page of [`five_states`] is made of.
fn write_records(run: &Path) {
    let text = "# cacheprog request log, version 2, start_unix_ns=1 pid=1 go=go1.26.8\n\
        000000.001000000 -> 1 get action=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
        000000.002000000 <- 1 get miss took_ns=1000000 queue_ns=0 body_ns=0 local_ns=1000 remote_ns=999000 respond_ns=0\n";
    let svg = "<svg width=\"1200\" height=\"100\" onload=\"init(evt)\"></svg>";
    for folder in ["cold/1", "remote-hit/1", "local-hit/1"] {
        std::fs::create_dir_all(run.join(folder).join("pprof")).unwrap();
        std::fs::write(run.join(folder).join("request.txt"), text).unwrap();
        std::fs::write(run.join(folder).join("trace.json"), "[]").unwrap();
        std::fs::write(run.join(folder).join("pprof/fg.svg"), svg).unwrap();
    }
    std::fs::create_dir_all(run.join("local-hit/pprof")).unwrap();
    std::fs::write(run.join("local-hit/pprof/cpu.txt"), "too few").unwrap();
}

fn rendered(results: &Results, folder: &Path) -> String {
    let page = render(results, &Folder(folder)).unwrap().into_string();
    check(&page);
    page
}

/// Any page can be parsed, loads nothing, and shows no number that could not be computed.
fn check(page: &str) {
    let mut xml = page.replace("<!DOCTYPE html>", "").replace("<br>", "<br/>");
    for meta in page.split("<meta ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        xml = xml.replace(&format!("<meta {meta}>"), &format!("<meta {meta}/>"));
    }
    let parsed = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {page}"));
    for node in parsed.descendants().filter(roxmltree::Node::is_element) {
        assert!(!["link", "img", "object", "base"].contains(&node.tag_name().name()), "{node:?}");
        assert!(node.tag_name().name() != "script" || node.text() == Some(SCRIPT), "{node:?}");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            let is_link_to_perfetto = name == "href" && value == PERFETTO;
            let is_inside = !value.contains("//") && !value.contains("http") || value.starts_with("data:");
            let is_inside = is_inside || is_link_to_perfetto;
            assert!(is_inside || name == "aria-label", "{name}={value}");
            assert!(!name.starts_with("on"), "{name}={value}");
            assert!(
                name != "href" || is_link_to_perfetto || !value.starts_with('/') && !value.contains(':'),
                "{value}"
            );
            assert!(!value.contains("NaN") && !value.contains("inf,"), "{name}={value}");
        }
        let text = node.text().unwrap_or_default();
        assert!(!text.contains("NaN") && !text.contains("url(") && !text.contains("@import"), "{text}");
    }
}

/// The parts in the order of the page.
fn ids(page: &str) -> Vec<&str> {
    page.split("<div class=\"part\" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn a_run_with_everything_has_every_part_in_order() {
    let run = tempfile::tempdir().unwrap();
    write_records(run.path());
    let mut results = five_states();
    results.analysis.verdicts = vec![verdict()];
    results.analysis.critical_paths = vec![critical_path()];
    results.analysis.savings = vec![savings(vec![saved(MARKUP, 1, 2)])];
    let page = rendered(&results, run.path());
    assert_eq!(ids(&page), ALL_PARTS, "{page}");
    for words in [
        "Did the build get faster with GOCACHEPROG?",
        "<h1 class=\"faster\">Yes: 43x faster on a fresh machine, 82x on this one",
        "one build, an outlier (kept)",
        "What should I fix first?",
        "Which packages does the cache save?",
        "drop the file <a href=\"remote-hit/1/trace.json\">remote-hit/1/trace.json</a>",
        "href=\"remote-hit/1/request.txt\"",
        "could save about",
        "local-hit/pprof/cpu.svg has too few samples",
        "name=\"viewport\"",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains(MARKUP) && page.contains("&lt;script"), "{page}");
}

#[test]
fn from_results_alone_what_is_missing_is_named_and_left_out() {
    let elsewhere = tempfile::tempdir().unwrap();
    let page = rendered(&five_states(), elsewhere.path());
    assert_eq!(
        ids(&page),
        ["verdict", "samples", "tables", "breakdown", "notes", "missing", "environment", "run"],
        "{page}"
    );
    assert!(page.contains("cold/1/request.txt is not there, remote-hit/1/request.txt is not there"), "{page}");
    assert!(page.contains("remote-hit/1/pprof/fg.svg is not there"), "{page}");
}

#[test]
fn a_run_without_records_says_so_once() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut results = five_states();
    results.run.plan.records = false;
    results.run.rounds.iter_mut().for_each(|round| round.time_breakdown = None);
    results.update();
    let page = rendered(&results, elsewhere.path());
    assert_eq!(ids(&page), ["verdict", "samples", "tables", "notes", "missing", "environment", "run"], "{page}");
    assert!(page.contains("--no-records") && !page.contains("is not there"), "{page}");
}

#[test]
fn a_log_that_is_cut_off_is_no_chart() {
    let run = tempfile::tempdir().unwrap();
    write_records(run.path());
    std::fs::write(run.path().join("remote-hit/1/request.txt"), "# cacheprog request log, version 2, start_un")
        .unwrap();
    let page = rendered(&five_states(), run.path());
    assert!(page.contains("remote-hit/1/request.txt cannot be read (line 1:"), "{page}");
    assert_eq!(page.matches("Requests in flight of").count(), 2);
}

#[test]
fn a_run_that_measured_nothing_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut results = results(Vec::new());
    (results.run.ended, results.run.error) = (Ended::Failed, Some(MARKUP.to_owned()));
    results.update();
    let page = rendered(&results, folder.path());
    assert_eq!(ids(&page), ["notes", "environment", "run"], "{page}");
    assert!(page.contains(" failed (&lt;script"), "{page}");
    results.run.ended = Ended::Interrupted;
    assert!(rendered(&results, folder.path()).contains(" was interrupted"));
}

#[test]
fn cases_grids_and_machines_have_pages() {
    let folder = tempfile::tempdir().unwrap();
    let cases = vec![case("name = \"a <b>\"\nstrategy = \"pack\""), case("name = \"other\"\nstrategy = \"async\"")];
    let mut rounds = measured(CacheState::GoWarm, &[100, 102, 104]);
    rounds.extend(of_case(CacheState::RemoteHit, Some(0), &[300, 200, 400]));
    rounds.extend(of_case(CacheState::RemoteHit, Some(1), &[700, 701, 702]));
    let mut of_cases = results(rounds);
    of_cases.run.plan = plan_of(&[CacheState::GoWarm, CacheState::RemoteHit], cases);
    of_cases.update();
    let page = rendered(&of_cases, folder.path());
    assert!(page.contains("a &lt;b&gt;") && ids(&page).contains(&"samples"), "{page}");

    (of_cases.analysis.network, of_cases.run.plan.study) = (Some(network()), network_study());
    let page = rendered(&of_cases, folder.path());
    assert_eq!(ids(&page), ["verdict", "network", "tables", "environment", "run"], "{page}");
    assert!(page.contains("above 18 ms a build without a cache is faster"), "{page}");

    let mut of_machines = results(Vec::new());
    (of_machines.run.machines, of_machines.run.plan.study) = (groups(), study());
    of_machines.update();
    let page = rendered(&of_machines, folder.path());
    assert!(page.contains("3, the same, one seeds, wave 2") && ids(&page).contains(&"tables"), "{page}");
}

#[test]
fn the_file_is_written_beside_the_results() {
    let folder = tempfile::tempdir().unwrap();
    write(&five_states(), folder.path()).unwrap();
    let page = std::fs::read_to_string(folder.path().join(HTML_FILE)).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));
}
