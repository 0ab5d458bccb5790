//! Each rule against a round that has what it looks for, and against one that has not.

use super::*;
use crate::analysis::verdict::finding::Quantity;
use crate::execute::backend::session::tests::quiet;
use crate::plan::steps::{Kind, Step};
use crate::results::round::SpanSum;
use crate::results::round::tests::round;
use crate::results::time_breakdown::StdinStalls;
use crate::results::time_breakdown::{Stage, TimeBreakdown, Wait, WaitKind};
use crate::scenario::cache_state::CacheState;
use gocacheprog::telemetry::{ProcessUse, Resources};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
/// The share of each wait in which another request waited for the same.
const BY_OTHERS: f64 = 0.75;

/// A build of a second on two cores in which nothing was waited for.
fn well() -> Round {
    let mut round = round(Step { state: CacheState::RemoteHit, case: None, kind: Kind::Measured, round: 1 }, SECOND);
    round.time_breakdown = Some(TimeBreakdown {
        wall_ns: SECOND,
        startup_ns: 10 * MS,
        handshake_ns: MS,
        go_only_ns: 989 * MS,
        overlapped_ns: 0,
        blocked_ns: 0,
        close_ns: 0,
        exit_ns: 0,
        workers: 2,
        cores: 2,
        waits: Vec::new(),
        stdin_stalls: StdinStalls::default(),
    });
    let mut session = quiet();
    (session.counts.gets, session.counts.hits_remote) = (100, 100);
    session.resources = Some(Resources { interval_ns: SECOND, ..Resources::default() });
    round.session = Some(session);
    round
}

/// That round, in which gets waited for the remote for so long, in spans of these paths.
fn waiting(lost_ms: u64, spans: &[(&str, u64, u64)]) -> Round {
    let mut round = well();
    wait(&mut round, WaitKind::Get, Stage::Remote, lost_ms);
    let span = |(path, count, wall_ms): &(&str, u64, u64)| SpanSum {
        path: (*path).to_owned(),
        count: *count,
        wall_ns: wall_ms * MS,
        busy_ns: 0,
    };
    round.spans = spans.iter().map(span).collect();
    round
}

fn wait(round: &mut Round, kind: WaitKind, stage: Stage, lost_ms: u64) {
    let lost_ns = (lost_ms * MS) as f64;
    account(round).waits.push(Wait {
        kind,
        stage,
        overlapped_ns: 0.0,
        blocked_ns: lost_ns,
        lost_ns,
        lost_by_others_ns: lost_ns * BY_OTHERS,
    });
}

fn account(round: &mut Round) -> &mut TimeBreakdown {
    round.time_breakdown.as_mut().unwrap()
}

fn session(round: &mut Round) -> &mut gocacheprog::telemetry::SessionSummary {
    round.session.as_mut().unwrap()
}

/// Names of what was found with the milliseconds that it would bring, the first first.
fn found(round: &Round) -> Vec<(&'static str, u64)> {
    let verdict = StateVerdict::of_round(round, "remote-hit".to_owned());
    verdict.ranked.iter().map(|finding| (finding.rule.name(), finding.saves_ns.unwrap() / MS)).collect()
}

fn beside(round: &Round) -> Vec<&'static str> {
    StateVerdict::of_round(round, "remote-hit".to_owned()).beside.iter().map(|finding| finding.rule.name()).collect()
}

#[test]
fn a_build_that_is_well_has_no_finding() {
    assert_eq!((found(&well()), beside(&well())), (Vec::new(), Vec::new()));
}

#[test]
fn first_bytes_are_latency_and_the_rest_of_an_answer_is_bandwidth() {
    let round = waiting(
        500,
        &[("request;get;wait.pack;wait.first_byte", 9, 800), ("prefetch;remote.get_pack;first_byte", 9, 900)],
    );
    assert_eq!(found(&round), [("latency", 500)]);
    let round = waiting(
        500,
        &[
            ("request;get;wait.pack;wait.transfer", 9, 800),
            ("request;get;wait.pack;wait.first_byte", 9, 200),
            ("prefetch;remote.get_pack", 9, 900),
        ],
    );
    assert_eq!(found(&round), [("bandwidth", 400)], "no download told its first byte, so there is no latency to tell");
}

#[test]
fn of_several_questions_a_get_all_but_one_are_round_trips() {
    let spans = [
        ("request;get;remote.stat_meta", 100, 100),
        ("request;get;remote.get_meta;first_byte", 100, 100),
        ("request;get;remote.get_data;first_byte", 100, 100),
    ];
    assert_eq!(found(&waiting(600, &spans)), [("round-trips", 400), ("latency", 200)]);
    assert_eq!(found(&waiting(600, &spans[1..2])), [("latency", 600)]);
}

#[test]
fn one_download_at_a_time_is_named_unless_something_else_holds_them() {
    let spans = [("request;get;wait.pack;wait.first_byte", 4, 400), ("prefetch;remote.get_pack;first_byte", 4, 400)];
    let mut round = waiting(400, &spans);
    session(&mut round).most_downloads = Some(1);
    assert_eq!(found(&round), [("latency", 200), ("connections", 200)]);
    session(&mut round).most_downloads = Some(3);
    assert_eq!(found(&round), [("latency", 400)]);
    session(&mut round).most_downloads = Some(1);
    account(&mut round).workers = 1;
    assert_eq!(found(&round), [("latency", 400)], "one worker asks for one thing at a time");
}

#[test]
fn a_lock_is_what_gets_wait_for_in_no_stage_while_downloads_go_one_at_a_time() {
    let mut round = waiting(400, &[("request;get", 9, 300), ("request;get;remote.get_data;first_byte", 9, 100)]);
    session(&mut round).most_downloads = Some(1);
    assert_eq!(found(&round), [("lock", 300), ("latency", 100)]);
    session(&mut round).most_downloads = Some(2);
    assert_eq!(found(&round), [("latency", 400)]);
    session(&mut round).most_downloads = Some(1);
    account(&mut round).workers = 1;
    assert_eq!(found(&round)[0].0, "latency", "one worker waits for no other");
}

#[test]
fn uploads_inside_puts_are_told_by_the_stage_of_the_put() {
    let mut round = well();
    wait(&mut round, WaitKind::Put, Stage::Remote, 300);
    assert_eq!(found(&round), [("upload-in-put", 300)]);
}

#[test]
fn failures_are_one_thing_and_long_waits_after_them_another() {
    let short = [
        ("request;get;wait.pack;wait.back_off", 3, 150),
        ("request;get;wait.pack;wait.retry", 3, 50),
        ("prefetch;back_off", 3, 150),
    ];
    let mut round = waiting(200, &short);
    (session(&mut round).remote_errors, session(&mut round).remote_requests) = (3, 10);
    assert_eq!(found(&round), [("remote-errors", 200)]);
    assert_eq!(beside(&round), ["errors"]);
    let long = [("request;get;wait.pack;wait.back_off", 1, 1000), ("prefetch;back_off", 1, 1000)];
    let mut round = waiting(500, &long);
    (session(&mut round).remote_errors, session(&mut round).remote_requests) = (1, 10);
    assert_eq!(found(&round), [("back-off", 475), ("remote-errors", 25)]);
}

#[test]
fn the_end_waits_for_the_link_or_for_the_compressor() {
    let mut round = well();
    account(&mut round).close_ns = 400 * MS;
    at_close(&mut round, 300, 100, 150);
    assert_eq!(found(&round), [("close", 300), ("compression", 100)]);
    at_close(&mut round, 0, 0, 150);
    assert_eq!(found(&round), [("other-waits", 400)], "a close that had nothing to upload");
    session(&mut round).close_sending_ns = None;
    assert_eq!(found(&round), [("other-waits", 400)], "where the backend did not tell, nobody knows what it was");
}

#[test]
fn a_late_handshake_is_told_beyond_what_it_may_take() {
    let mut round = well();
    account(&mut round).handshake_ns = 110 * MS;
    assert_eq!(found(&round), [("handshake", 100)]);
}

#[test]
fn what_is_kept_in_the_pipe_is_the_readers_and_no_longer_the_links() {
    let mut round = waiting(800, &[("request;get;remote.get_meta;first_byte", 80, 800)]);
    account(&mut round).stdin_stalls = StdinStalls { kept: 70, kept_by_remote_ns: 800 * MS, kept_by_local_ns: 0 };
    assert_eq!(found(&round), [("latency", 400), ("reader", 400)]);
}

#[test]
fn slow_writes_count_with_what_they_kept_in_the_pipe_and_no_more_than_they_took() {
    let mut round = waiting(0, &[("request;put;local.write", 50, 300)]);
    wait(&mut round, WaitKind::Put, Stage::Local, 100);
    assert_eq!(found(&round), [("local-disk", 100)]);
    let wait = account(&mut round).waits.last_mut().unwrap();
    (wait.overlapped_ns, wait.blocked_ns) = ((300 * MS) as f64, 0.0);
    account(&mut round).stdin_stalls.kept_by_local_ns = 80 * MS;
    assert_eq!(found(&round), [("local-disk", 140)]);
    let mut round = waiting(200, &[("request;get;wait.pack;wait.unpack", 9, 200)]);
    (session(&mut round).unpack_ns, session(&mut round).unpack_cpu_ns) = (100 * MS, 25 * MS);
    assert_eq!(found(&round), [("local-disk", 150), ("unpacking", 50)]);
    let backend = ProcessUse { run_queue_wait_ns: Some(50 * MS), ..ProcessUse::default() };
    session(&mut round).resources.as_mut().unwrap().backend = Some(backend);
    (session(&mut round).cpu_user_ns, session(&mut round).cpu_system_ns) = (Some(20 * MS), Some(5 * MS));
    assert_eq!(
        found(&round),
        [("unpacking", 150), ("local-disk", 50)],
        "waiting for a core is not waiting for the disk"
    );
}

#[test]
fn waits_that_no_other_rule_explains_are_told_as_such() {
    let mut round = well();
    wait(&mut round, WaitKind::Get, Stage::Local, 200);
    wait(&mut round, WaitKind::Put, Stage::Body, 50);
    assert_eq!(found(&round), [("other-waits", 250)]);
    let finding = &StateVerdict::of_round(&round, String::new()).ranked[0];
    let largest = Quantity::CostOfWait(WaitKind::Get, Stage::Local);
    assert_eq!(finding.bottleneck, Bottleneck::OtherWaits { largest, cost_ns: (200 * MS) as f64 });
    let mut round = waiting(0, &[("request;get;respond", 100, 20)]);
    wait(&mut round, WaitKind::Get, Stage::Respond, 200);
    assert_eq!(found(&round), [("other-waits", 150)], "of 200 µs each 50 wake go");
}

#[test]
fn compressing_that_gets_no_core_is_the_fault_of_those_who_have_them() {
    let mut round = used(1900, 800, 100);
    account(&mut round).close_ns = 400 * MS;
    at_close(&mut round, 300, 100, 100);
    assert_eq!(found(&round)[..2], [("close", 300), ("host-cpu", 170)], "nobody waited for a core at its end");
    session(&mut round).close_run_queue_wait_ns = Some(900 * MS);
    assert_eq!(found(&round)[..2], [("host-cpu", 470), ("close", 75)]);
}

/// Time of the parts of a close, milliseconds, and their CPU time.
fn at_close(round: &mut Round, sending: u64, compressing: u64, cpu: u64) {
    let session = session(round);
    (session.close_sending_ns, session.close_compressing_ns) = (Some(sending * MS), Some(compressing * MS));
    session.close_cpu_ns = Some(cpu * MS);
}

/// With samples that say who used the cores, in milliseconds of CPU time.
fn used(all: u64, go: u64, backend: u64) -> Round {
    let mut round = well();
    let process = |ms: u64| Some(ProcessUse { cpu_ns: Some(ms * MS), ..ProcessUse::default() });
    let mut resources =
        Resources { interval_ns: SECOND, go: process(go), backend: process(backend), ..Resources::default() };
    resources.host.cpu_ns = Some(all * MS);
    let session = session(&mut round);
    session.resources = Some(resources);
    (session.cpu_user_ns, session.cpu_system_ns, session.close_cpu_ns) = (Some(backend * MS), Some(0), Some(0));
    round
}

#[test]
fn cores_are_short_only_where_they_are_all_in_use() {
    assert_eq!(found(&used(1900, 800, 300)), [("host-cpu", 400), ("backend-cpu", 150)]);
    assert_eq!(found(&used(1500, 400, 300)), []);
    let mut waiting = used(1900, 800, 100);
    wait(&mut waiting, WaitKind::Get, Stage::Remote, 750);
    assert_eq!(found(&waiting)[0], ("host-cpu", 125), "while go waits it needs no core");
}

#[test]
fn memory_that_still_grows_is_told_and_memory_that_has_grown_is_not() {
    let memory = |megabytes: &[u64]| {
        let mut round = well();
        let series = megabytes.iter().zip(0..).map(|(mb, at)| (at * 100 * MS, mb << 20)).collect();
        session(&mut round).resources.as_mut().unwrap().memory = series;
        beside(&round)
    };
    assert_eq!(memory(&[10, 40, 70, 100, 130]), ["memory"]);
    assert!(memory(&[10, 80, 80, 80, 80]).is_empty());
    assert!(memory(&[10, 11, 12, 13, 14]).is_empty());
    assert!(memory(&[10, 90, 130, 40, 20]).is_empty());
    let mut fetching = well();
    session(&mut fetching).resources.as_mut().unwrap().memory = (0..5).map(|at| (at, (10 + 20 * at) << 20)).collect();
    session(&mut fetching).bytes_down = 60 << 20;
    assert!(beside(&fetching).is_empty(), "what comes in is held until it is stored");
    assert!(memory(&[]).is_empty());
}

#[test]
fn open_files_and_errors_stand_beside() {
    let mut round = used(0, 0, 0);
    session(&mut round).resources.as_mut().unwrap().backend.as_mut().unwrap().peak_open_files = Some(900);
    session(&mut round).uploads_left = 2;
    assert_eq!(beside(&round), ["open-files", "errors"]);
}

#[test]
fn too_short_and_without_records_are_told_as_such() {
    let mut short = well();
    short.wall_ns = 20 * MS;
    let verdict = StateVerdict::of_round(&short, "remote-hit".to_owned());
    assert_eq!(verdict.too_little, Some(TooLittle::TooShort(20 * MS)));
    let mut bare = well();
    bare.time_breakdown = None;
    let verdict = StateVerdict::of_round(&bare, "remote-hit".to_owned());
    assert_eq!(verdict.too_little, Some(TooLittle::NoRequestLog));
    assert_eq!(verdict.missing.len(), 2, "{:?}", verdict.missing);
    let mut brief = well();
    session(&mut brief).resources.as_mut().unwrap().interval_ns = 400 * MS;
    let missing = StateVerdict::of_round(&brief, "remote-hit".to_owned()).missing;
    assert_eq!(missing[0], Missing::LongSamples, "{missing:?}");
}

/// A round in which nearly every rule finds something.
fn ill() -> Round {
    let mut all = waiting(
        900,
        &[
            ("request;get", 300, 90),
            ("request;get;remote.get_meta;first_byte", 300, 300),
            ("request;get;remote.get_data;first_byte", 300, 200),
            ("request;get;remote.get_meta", 300, 300),
            ("request;get;verify", 300, 100),
            ("request;get;wait.retry", 3, 60),
            ("request;get;wait.back_off", 3, 600),
            ("request;put;local.write", 3, 30),
            ("back_off", 1, 700),
        ],
    );
    let used = used(1990, 1000, 900);
    wait(&mut all, WaitKind::Put, Stage::Remote, 90);
    wait(&mut all, WaitKind::Put, Stage::Local, 40);
    wait(&mut all, WaitKind::Get, Stage::Local, 40);
    let resources = used.session.unwrap().resources;
    let session = session(&mut all);
    (session.remote_errors, session.remote_requests, session.counts.errors) = (5, 10, 2);
    (session.most_downloads, session.bytes_down, session.counts.puts) = (Some(1), 1000, 3);
    (session.cpu_user_ns, session.cpu_system_ns) = (Some(800 * MS), Some(100 * MS));
    (session.unpack_ns, session.unpack_cpu_ns) = (200 * MS, 150 * MS);
    session.resources = resources;
    let resources = session.resources.as_mut().unwrap();
    resources.memory = (0..9).map(|at| (at * MS, (10 + 30 * at) << 20)).collect();
    resources.backend.as_mut().unwrap().peak_open_files = Some(900);
    at_close(&mut all, 100, 150, 60);
    (account(&mut all).close_ns, account(&mut all).handshake_ns) = (300 * MS, 100 * MS);
    account(&mut all).stdin_stalls = StdinStalls { kept: 3, kept_by_remote_ns: 60 * MS, kept_by_local_ns: 0 };
    all
}

#[test]
fn findings_carry_their_rule_and_evidence() {
    let (ill, mut found) = (ill(), Vec::new());
    let seen = Seen::of(&ill).unwrap();
    for rule in Rule::ALL {
        let Some(finding) = look(rule, &seen) else { continue };
        assert_eq!(finding.rule, rule);
        assert!(!finding.evidence.is_empty(), "{rule:?}");
        found.push(rule);
    }
    // Packs that are fetched one after the other are another case than gets that ask by themselves.
    let silent: Vec<Rule> = Rule::ALL.into_iter().filter(|rule| !found.contains(rule)).collect();
    assert_eq!(silent, [Rule::Connections, Rule::NeedlessRequests, Rule::NewConnections]);
}

#[test]
fn a_connection_for_each_request_is_named() {
    let spans =
        [("request;get;remote.get_data;connect", 100, 200), ("request;get;remote.get_data;first_byte", 100, 200)];
    let mut round = waiting(400, &spans);
    session(&mut round).remote_requests = 100;
    assert!(found(&round).contains(&("new-connections", 200)), "{:?}", found(&round));
    session(&mut round).remote_requests = 1000;
    assert!(!found(&round).iter().any(|(name, _)| *name == "new-connections"), "a pool");
}

#[test]
fn a_local_hit_that_asks_s3_has_one_cause() {
    let mut round = ill();
    round.step.state = CacheState::LocalHit;
    session(&mut round).seen = Some(Box::default());
    let names: Vec<&str> = found(&round).into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"needless-requests"), "{names:?}");
    assert!(
        !names.contains(&"latency") && !names.contains(&"round-trips") && !names.contains(&"bandwidth"),
        "{names:?}"
    );
    // Ours has its reasons, such as a test that is never cached.
    session(&mut round).seen = None;
    assert!(!found(&round).iter().any(|(name, _)| *name == "needless-requests"));
}

#[test]
fn evidence_adds_up_to_the_saving() {
    let mut findings = 0;
    for round in [ill(), serial()] {
        let seen = Seen::of(&round).unwrap();
        for finding in Rule::ALL.into_iter().filter_map(|rule| look(rule, &seen)) {
            let parts: Vec<f64> = finding.evidence.iter().filter_map(|found| found.part_ns).collect();
            let costs_time = !matches!(finding.rule, Rule::Memory | Rule::OpenFiles | Rule::Errors);
            assert_eq!(finding.saves_ns.is_some(), costs_time, "{:?}", finding.rule);
            let sum: f64 = parts.iter().sum();
            assert!((sum - finding.saves_ns.unwrap_or(0) as f64).abs() <= 1.0, "{finding:?}");
            // A part is never larger than its number, but where one reader holds up several workers.
            for found in finding.evidence.iter().filter(|found| found.quantity != Quantity::ReaderBlocked) {
                assert!(found.part_ns.is_none_or(|part| part <= found.value * 1.001 + 1.0), "{found:?}");
            }
            findings += 1;
        }
    }
    assert!(findings > 20, "{findings}");
}

#[test]
fn evidence_adds_up_where_the_saving_is_capped() {
    let round = ill();
    let mut finding = look(Rule::Latency, &Seen::of(&round).unwrap()).unwrap();
    let saves_ns = finding.saves_ns.unwrap();
    finding.cap(saves_ns / 3);
    let parts: f64 = finding.evidence.iter().filter_map(|found| found.part_ns).sum();
    assert_eq!(finding.saves_ns, Some(saves_ns / 3));
    assert!((parts - (saves_ns / 3) as f64).abs() <= 1.0, "{finding:?}");
}

/// A round in which packs were downloaded one after the other.
fn serial() -> Round {
    let packs = [
        ("prefetch;remote.get_pack;first_byte", 9, 900),
        ("request;get;wait.pack;wait.turn", 9, 300),
        ("request;get;wait.pack;wait.first_byte", 9, 300),
    ];
    let mut serial = waiting(500, &packs);
    session(&mut serial).most_downloads = Some(1);
    serial
}

/// The output of a `jq` filter for a file.
fn queried(query: &str, file: &serde_json::Value) -> f64 {
    use jaq_core::load::{Arena, File, Loader};
    use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
    use jaq_json::{Val, read};

    let arena = Arena::default();
    let loader = Loader::new(jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()));
    let modules = loader.load(&arena, File { code: query, path: () }).unwrap_or_else(|_| panic!("{query}"));
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let compiled = Compiler::default().with_funs(functions).compile(modules);
    let filter = compiled.unwrap_or_else(|_| panic!("{query}"));
    let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let input = read::parse_single(file.to_string().as_bytes()).unwrap();
    let outputs: Vec<_> = filter.id.run((context, input)).map(unwrap_valr).collect();
    let [Ok(output)] = outputs.as_slice() else { panic!("{query} gives {outputs:?}") };
    output.to_string().parse().unwrap_or_else(|_| panic!("{query} gives {output}"))
}

#[test]
fn each_number_is_what_its_query_gives() {
    let mut queries = 0;
    for round in [ill(), serial()] {
        let verdict = StateVerdict::of_round(&round, "remote-hit".to_owned());
        let session = serde_json::json!(round.session);
        let results = serde_json::json!({ "rounds": [round], "verdicts": [verdict] });
        for finding in verdict.ranked.iter().chain(&verdict.beside) {
            for Evidence { quantity, value, file, query, .. } in &finding.evidence {
                let found = queried(query, if file == "results.json" { &results } else { &session });
                let is_near = (found - value).abs() <= 1e-6 * value.abs().max(1.0);
                assert!(is_near, "{quantity:?}: {value}, but {query} gives {found}");
                queries += 1;
            }
        }
    }
    assert!(queries > 30, "{queries}");
}

#[test]
fn what_an_experiment_took_away_is_not_blamed_again() {
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::case::tests::case;

    let mut cases = vec![case("name = \"unchanged\""), case("name = \"latency-0\"")];
    cases.iter_mut().for_each(|case| case.state = Some(CacheState::RemoteHit));
    let mut plan = plan_of(&[CacheState::RemoteHit], cases);
    let rounds = [0, 1].map(|case| {
        let mut round = waiting(400, &[("request;get;remote.get_data;first_byte", 100, 400)]);
        round.step.case = Some(case);
        round
    });
    let blamed = |plan: &Plan| {
        let is_latency = |verdict: &StateVerdict| verdict.ranked.iter().any(|finding| finding.rule == Rule::Latency);
        StateVerdict::all(&rounds, plan).iter().map(is_latency).collect::<Vec<bool>>()
    };
    assert_eq!(blamed(&plan), [true, true]);
    plan.study = Study::WhatIf;
    assert_eq!(blamed(&plan), [true, false]);
}
