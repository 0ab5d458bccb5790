//! Tests of reading results back.

use super::*;
use crate::analysis::results::Results;
use crate::analysis::results::tests::results;
use crate::analysis::study::summary::tests::measured;
use crate::error_text::in_words;
use crate::report::terminal::grid::View;
use crate::report::terminal::tables;
use crate::results::round::StateCheck;
use crate::results::time_breakdown::BuildTimes;
use crate::scenario::cache_state::CacheState;
use gocacheprog::telemetry::LoggedSession;

fn run() -> Results {
    let mut rounds = measured(CacheState::GoWarm, &[100, 101, 99, 100, 100]);
    rounds.extend(measured(CacheState::LocalHit, &[110, 111, 112, 110, 109]));
    rounds[0].state_checks = vec![StateCheck { expected: "x \\\",{[".to_owned(), seen: "y".to_owned(), ok: true }];
    results(rounds)
}

#[test]
fn results_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let written = run();
    written.write(folder.path()).unwrap();
    let read = Results::load(folder.path()).unwrap();
    assert_eq!((&read.run.rounds, &read.run.plan), (&written.run.rounds, &written.run.plan));
    assert_eq!((&read.analysis.summary, read.run.cut_off), (&written.analysis.summary, None));
}

#[test]
fn what_cannot_be_read_is_named_with_its_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(RESULTS_FILE);
    let trouble = |text: &str| {
        std::fs::write(&path, text).unwrap();
        in_words(&read(folder.path()).unwrap_err())
    };
    let cut = trouble("{\n\"schema\": 3,\n\"run\": ");
    assert!(cut.contains("is cut off at line 3, before its first round"), "{cut}");
    assert!(trouble("").contains("is cut off at line 0: nothing in it can be used") || trouble("").contains("line 1"));
    assert!(trouble("hello").contains("is no JSON"));
    assert!(trouble("{}").contains("is no results.json as bench writes it"));
    assert!(trouble("{\"schema\": 3}").contains("as bench writes it: missing field"), "{}", trouble("{\"schema\": 3}"));
    let mut other = serde_json::to_value(run()).unwrap();
    other["rounds"][0]["case"] = 3.into();
    assert!(
        trouble(&other.to_string()).contains("refers to case 3, counted from 0, and has 0 cases"),
        "{}",
        trouble(&other.to_string())
    );
    let mut other = serde_json::to_value(run()).unwrap();
    let bottleneck = serde_json::json!({ "name": "x", "rule": null, "case": 7, "has_control": false });
    other["plan"]["study"] = serde_json::json!({ "kind": "injected", "bottlenecks": [bottleneck] });
    assert!(trouble(&other.to_string()).contains("refers to case 7, counted from 0, and has 0 cases"));
    let mut other = serde_json::to_value(run()).unwrap();
    other["rounds"][1]["wall_ns"] = 0.into();
    assert!(trouble(&other.to_string()).contains("go-warm/2 took no time"), "{}", trouble(&other.to_string()));
    for (change, words) in impossible() {
        let mut other = serde_json::to_value(run()).unwrap();
        change(&mut other["rounds"][1]);
        let said = trouble(&other.to_string());
        assert!(said.contains("as bench writes it: ") && said.contains(words), "{said}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(format!("{:#}", read(&path).unwrap_err()).contains("cannot read"));
    assert!(format!("{:#}", read(folder.path()).unwrap_err()).contains("so it is no run"));
}

#[test]
fn a_file_of_another_version_is_refused_with_who_wrote_it_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(RESULTS_FILE);
    for (schema, age) in [(1, "an older"), (99, "a newer")] {
        let mut other = serde_json::to_value(run()).unwrap();
        (other["schema"], other["environment"]["bench_version"]) = (schema.into(), "7.1".into());
        std::fs::write(&path, other.to_string()).unwrap();
        let expected = format!(
            "{} was written by {age} bench 7.1 in format {schema}; this one reads format 3\n  next:  run it again with this bench, \
             or build bench from the commit that wrote it",
            path.display()
        );
        assert_eq!(in_words(&read(&path).unwrap_err()), expected);
    }
}

type Change = fn(&mut Value);

/// Changes that make a round impossible, with a part of the error.
fn impossible() -> [(Change, &'static str); 4] {
    [
        (|round| round["go_cpu_user_ns"] = u64::MAX.into(), "rounds[1].go_cpu_user_ns is 18446744073709551615"),
        (|round| round["started_unix_ns"] = u64::MAX.into(), "rounds[1].started_unix_ns is 18446744073709551615"),
        (
            |round| {
                round["time_breakdown"] = time_breakdown(round["wall_ns"].as_u64().unwrap());
                round["time_breakdown"]["startup_ns"] = u64::MAX.into();
            },
            "rounds[1].time_breakdown.startup_ns is 18446744073709551615",
        ),
        (
            |round| {
                round["time_breakdown"] = time_breakdown(round["wall_ns"].as_u64().unwrap());
                round["time_breakdown"]["exit_ns"] = 1.into();
            },
            "its time breakdown does not add up",
        ),
    ]
}

/// A time breakdown in which all time is go's.
fn time_breakdown(wall_ns: u64) -> Value {
    let frame = BuildTimes {
        backend_ns: 0,
        handshake_ns: 0,
        released_ns: wall_ns,
        wall_ns,
        workers: 1,
        cores: 1,
        go_cpu_ns: 0,
    };
    let log = LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines: Vec::new() };
    serde_json::to_value(TimeBreakdown::of(frame, &log)).unwrap()
}

#[test]
fn a_file_that_is_cut_off_anywhere_gives_its_whole_rounds_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    run().write(folder.path()).unwrap();
    let path = folder.path().join(RESULTS_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut most = 0;
    for end in (0..text.len()).step_by(97) {
        std::fs::write(&path, &text.as_bytes()[..end]).unwrap();
        let Ok(left) = Results::load(folder.path()) else {
            assert_eq!(most, 0, "it could be read when it was shorter");
            continue;
        };
        assert!(left.run.cut_off.as_ref().unwrap().contains("is cut off at line "));
        assert!(left.run.rounds.len() >= most && left.run.rounds == run().run.rounds[..left.run.rounds.len()]);
        most = left.run.rounds.len();
        tables::render(&left, &[], View { width: 100, colour: false });
    }
    assert_eq!(most, 10);
}
