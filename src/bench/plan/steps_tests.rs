//! Tests of the order of steps.

use super::*;
use crate::scenario::case::tests::case;

/// The steps as `state case round`, with ! for preparation.
fn order(states: &[CacheState], cases: &[Case]) -> String {
    let setups = setups(states, cases);
    let mut steps = measured(&setups, cases, Counts { long: 1, short: 5, warm_up: 0 });
    insert_preparation(&mut steps, cases);
    let name = |step: &Step| {
        let case = step.case.map_or(String::new(), |case| format!("/{}", cases[case].slug));
        let round = match step.kind {
            Kind::Measured => step.round.to_string(),
            Kind::Again => "+".to_owned(),
            Kind::WarmUp => "~".to_owned(),
            _ => "!".to_owned(),
        };
        format!("{}{case}{round}", step.state)
    };
    steps.iter().map(name).collect::<Vec<String>>().join(" ")
}

#[test]
fn cases_take_turns_and_baselines_are_shared() {
    let cases = [case("name = \"x\"\nrounds = 2"), case("name = \"y\"\nrounds = 3")];
    let expected = "go-cold! go-warm1 cold! remote-hit/x1 remote-hit/y1 go-warm2 remote-hit/x2 remote-hit/y2 remote-hit/y3 go-warm3";
    assert_eq!(order(&[CacheState::GoWarm, CacheState::RemoteHit], &cases), expected);
}

#[test]
fn a_case_that_changes_the_build_has_a_baseline_of_its_own() {
    let cases = [
        case("name = \"x\"\nrounds = 1"),
        case("name = \"edit\"\nrounds = 1\nchange = \"edit-one-file\""),
        case("name = \"trim\"\nrounds = 1\ntrimpath = true"),
    ];
    let expected = "go-cold! go-warm1 go-warm/edit1 go-cold/trim! go-warm/trim1 \
                    cold! remote-hit/x1 remote-hit/edit1 cold/trim! remote-hit/trim1";
    assert_eq!(order(&[CacheState::GoWarm, CacheState::RemoteHit], &cases), expected);
    assert_eq!(setups(&[CacheState::GoWarm], &cases[1..]).len(), 2, "nobody needs the plain one");
}

#[test]
fn each_follows_each_other_one_equally_often() {
    for (count, rows) in [(2, 2), (3, 6), (4, 4), (5, 10), (6, 6)] {
        let mut follows = vec![vec![0; count]; count];
        for row in 0..rows {
            let order: Vec<usize> = balanced_order(count, row).collect();
            assert_eq!((0..count).filter(|each| order.contains(each)).count(), count, "{order:?}");
            order.windows(2).for_each(|pair| follows[pair[0]][pair[1]] += 1);
        }
        let others = |one: usize| (0..count).filter(move |other| *other != one).map(move |other| (one, other));
        let counts: Vec<i32> = (0..count).flat_map(others).map(|(one, other)| follows[one][other]).collect();
        assert!(counts.iter().all(|often| *often == counts[0]), "{count}: {follows:?}");
    }
}

#[test]
fn folders_of_steps_name_state_case_and_round() {
    let cases = [case("name = \"pack, plain order\"")];
    let step = Step { state: CacheState::RemoteHit, case: Some(0), kind: Kind::Measured, round: 2 };
    assert_eq!(step.folder(&cases), "remote-hit/pack-plain-order/2");
    let shared = Step { state: CacheState::GoWarm, case: None, kind: Kind::Measured, round: 2 };
    assert_eq!(shared.folder(&cases), "go-warm/2");
}
