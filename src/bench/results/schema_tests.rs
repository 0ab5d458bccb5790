//! The JSON schema of `results.json`: `metrics/results.schema.json` is generated from the types. Only tests need the generator,
//! so that no build waits for it.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::analysis::results::Results;
use crate::analysis::results::tests::results;
use crate::analysis::statistics::noise::tests::again;
use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::cases::tests::measured as of_case;
use crate::analysis::study::ci::tests::{groups, study};
use crate::analysis::study::network::tests::network;
use crate::analysis::study::summary::tests::measured;
use crate::execute::backend::session::tests::quiet;
use crate::plan::run_plan::tests::plan_of;
use crate::results::go_actions::{Asked, GoAction, GoActions};
use crate::results::round::Round;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::tests::case;

/// Writes the file anew where this is set: `BLESS=1 cargo test schema`.
const BLESS: &str = "BLESS";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("metrics/results.schema.json")
}

fn of_the_types() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.into_root_schema_for::<Results>().to_value()
}

/// The places in which a file differs from the types.
fn faults(results: &Value) -> Vec<String> {
    let schema = jsonschema::validator_for(&of_the_types()).unwrap();
    schema.iter_errors(results).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Results with everything that a results.json may have.
fn whole() -> Results {
    let mut rounds: Vec<Round> = measured(CacheState::GoCold, &[9000]);
    rounds.extend(measured(CacheState::GoWarm, &[100, 101, 99, 100, 100]));
    rounds.extend(again(&[100, 102, 99, 101, 100]));
    rounds.extend(measured(CacheState::LocalHit, &[110, 111, 250, 110, 109]));
    rounds[0].session = Some(quiet());
    let mut results = results(rounds);
    (results.run.machines, results.run.plan.study) = (groups(), study());
    results.update();
    results.analysis.network = Some(network());
    results.analysis.verdicts = vec![crate::report::html::verdict::tests::verdict()];
    results.analysis.critical_paths = vec![crate::report::html::page::tests::critical_path()];
    results.analysis.differences = Some(crate::report::terminal::differences::tests::found());
    results.analysis.savings =
        vec![crate::report::terminal::savings::tests::savings(vec![crate::report::terminal::savings::tests::saved(
            "p", 1, 2,
        )])];
    results.analysis.selftest = vec![crate::commands::selftest::tests::outcome("slow disk", true)];
    results.run.rounds[0].actions = Some(actions());
    results.analysis.cases = of_cases();
    results
}

/// One action with all that it may have, and one with nothing.
fn actions() -> GoActions {
    let all = GoAction {
        package: "p".to_owned(),
        commands_ns: 3,
        after: Some(0),
        bytes: Some(9),
        asked: Some(Asked { gets: 1, puts: 1, get_ns: 2, put_ns: 2 }),
        queue_cache_ns: 1,
        ..GoAction::default()
    };
    GoActions { actions: vec![GoAction::default(), all], ..GoActions::default() }
}

/// A run with a case has no states of its own beside it.
fn of_cases() -> Vec<CaseSummary> {
    let mut run = results(of_case(CacheState::RemoteHit, Some(0), &[100, 101, 99]));
    run.run.plan = plan_of(
        &[CacheState::RemoteHit],
        vec![case("name = \"x\"\nsettings = { sync = true }\nfaults = [\"drop:5\"]\njobs = 8")],
    );
    run.update();
    run.analysis.cases
}

#[test]
fn the_file_is_what_the_types_give() {
    let given = serde_json::to_string_pretty(&of_the_types()).unwrap() + "\n";
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(path(), &given).unwrap();
    }
    let kept = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(kept == given, "results.json has another form now: look at it, and run {BLESS}=1 cargo test schema");
}

#[test]
fn a_run_with_every_part_is_as_the_schema_says() {
    let whole = serde_json::to_value(whole()).unwrap();
    assert_eq!(faults(&whole), Vec::<String>::new());
    assert!(whole["rounds"][0]["actions"]["actions"].as_array().is_some_and(|actions| actions.len() == 2));
    let parts = [
        "network",
        "machines",
        "waves",
        "verdicts",
        "critical_paths",
        "summary",
        "cases",
        "differences",
        "savings",
        "selftest",
    ];
    for part in parts {
        assert!(
            whole[part].as_object().map(serde_json::Map::len).or(whole[part].as_array().map(Vec::len)) > Some(0),
            "{part}"
        );
    }
}

#[test]
fn what_is_no_result_is_refused() {
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut results = serde_json::to_value(whole()).unwrap();
        change(&mut results);
        faults(&results).join("; ")
    };
    assert!(broken(&|results| results["rounds"][0]["wall_ns"] = json!("long")).contains("/rounds/0"));
    assert!(broken(&|results| results["rounds"][0]["state"] = json!("d")).contains("/rounds/0"));
    assert!(broken(&|results| drop(results.as_object_mut().unwrap().remove("plan"))).contains("plan"));
}
