//! Results for other tests, and what a file of them looks like.

use super::*;
use crate::plan::steps::{Kind, Step};
use crate::results::go_actions::{GoAction, GoActions};
use crate::results::round::Round;
use crate::results::round::tests::round;
use crate::results::run::tests::run;
use crate::scenario::cache_state::CacheState;

/// The results of a complete run with these rounds.
pub fn results(rounds: Vec<Round>) -> Results {
    Results::of(run(rounds))
}

#[test]
fn actions_take_a_line_each_and_rounds_may_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let step = Step { state: CacheState::LocalHit, case: None, kind: Kind::Measured, round: 1 };
    let mut written = results(vec![round(step, 100)]);
    let action = GoAction { mode: "build".to_owned(), after: Some(3), ..GoAction::default() };
    written.run.rounds[0].actions = Some(GoActions { actions: vec![action; 2], ..GoActions::default() });
    written.write(folder.path()).unwrap();
    assert_eq!(read::read(folder.path()).unwrap().rounds, written.run.rounds);
    let path = folder.path().join(RESULTS_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("{\"mode\":\"build\"")).count(), 2, "{text}");
    let mut without: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in ["actions", "actions_missing"] {
        without["rounds"][0].as_object_mut().unwrap().remove(name);
    }
    std::fs::write(&path, without.to_string()).unwrap();
    assert_eq!(read::read(folder.path()).unwrap().rounds[0].actions, None);
}
