//! Tests of the checks of states.

use super::*;
use crate::execute::backend::session::tests::quiet;
use crate::execute::state_check;

fn before(local_empty: bool, objects: u64) -> Before {
    Before {
        local_empty,
        remote_objects: Some(objects),
        remote_whole: true,
        may_miss: false,
        no_upload: false,
        made_again: 0,
        asks_in_vain: false,
    }
}

fn check(state: CacheState, before: Before, session: &SessionSummary, server: Option<ServerSeen>) -> Vec<StateCheck> {
    state_check::check(state, before, session, &Inside::default(), server)
}

fn inside(sessions: &[SessionSummary]) -> Inside {
    Inside { summaries: sessions.to_vec(), unknown: 0 }
}

#[test]
fn what_go_commands_inside_the_run_store_may_be_hit() {
    let (mut session, mut other) = (quiet(), quiet());
    (session.counts.hits_not_put_here, other.counts.puts) = (8, 8);
    let check =
        |state, before, inside: &Inside, server| all_ok(&state_check::check(state, before, &session, inside, server));
    assert!(check(CacheState::Cold, before(true, 0), &inside(&[other.clone()]), None));
    assert!(!check(CacheState::Cold, before(true, 0), &inside(&[]), None));
    assert!(!check(CacheState::Cold, before(true, 0), &inside(&[quiet()]), None), "it stored nothing");
    session.counts.hits_remote = 1;
    let check = |inside: &Inside, bytes_out| {
        let server = ServerSeen { bytes_out, ..ServerSeen::default() };
        all_ok(&state_check::check(CacheState::RemoteHit, before(true, 9), &session, inside, Some(server)))
    };
    assert!(check(&inside(&[other.clone()]), 700), "the bytes are of both");
    assert!(!check(&inside(&[]), 700));
}

#[test]
fn a_go_command_inside_that_was_killed_leaves_the_round_in_its_state() {
    let mut session = quiet();
    (session.counts.hits_not_put_here, session.counts.hits_remote) = (8, 1);
    let killed = Inside { unknown: 1, ..Inside::default() };
    let server = ServerSeen { bytes_out: 700, ..ServerSeen::default() };
    for (state, objects) in [(CacheState::Cold, 0), (CacheState::RemoteHit, 9)] {
        let findings = state_check::check(state, before(true, objects), &session, &killed, Some(server));
        assert!(all_ok(&findings), "{findings:?}");
        assert_eq!(findings.last().unwrap().seen, "1 ended without one");
    }
}

#[test]
fn go_commands_inside_the_run_upload_all_too() {
    let check = |other: SessionSummary| {
        all_ok(&state_check::check(CacheState::Cold, before(true, 0), &quiet(), &inside(&[other]), None))
    };
    assert!(check(quiet()));
    assert!(!check(SessionSummary { uploads_left: 1, ..quiet() }));
    assert!(!check(SessionSummary { remote_off: Some("no answer".to_owned()), ..quiet() }));
}

fn all_ok(findings: &[StateCheck]) -> bool {
    findings.iter().all(|finding| finding.ok)
}

#[test]
fn c_hits_nothing_but_its_own() {
    let mut session = quiet();
    session.counts.hits_local = 4;
    assert!(all_ok(&check(CacheState::Cold, before(true, 0), &session, None)));
    assert!(!all_ok(&check(CacheState::Cold, before(true, 1), &session, None)));
    assert!(!all_ok(&check(CacheState::Cold, before(false, 0), &session, None)));
    session.counts.hits_not_put_here = 1;
    assert!(!all_ok(&check(CacheState::Cold, before(true, 0), &session, None)));
}

#[test]
fn b_hands_out_only_what_it_fetched() {
    let mut session = quiet();
    session.counts.hits_remote = 10;
    session.counts.hits_not_put_here = 10;
    session.bytes_down = 700;
    let server = ServerSeen { bytes_out: 700, ..ServerSeen::default() };
    assert!(all_ok(&check(CacheState::RemoteHit, before(true, 20), &session, Some(server))));
    assert!(!all_ok(&check(CacheState::RemoteHit, before(true, 0), &session, Some(server))));
    assert!(!all_ok(&check(CacheState::RemoteHit, before(false, 20), &session, Some(server))));
    let other = ServerSeen { bytes_out: 699, ..server };
    assert!(!all_ok(&check(CacheState::RemoteHit, before(true, 20), &session, Some(other))));
    let half = Before { remote_whole: false, ..before(true, 20) };
    assert!(!all_ok(&check(CacheState::RemoteHit, half, &session, Some(server))));
    session.counts.hits_not_put_here = 11; // one of them was on disk before
    assert!(!all_ok(&check(CacheState::RemoteHit, before(true, 20), &session, Some(server))));
}

#[test]
fn a_baseline_is_known_by_its_gocache() {
    assert!(all_ok(&check_baseline(CacheState::GoCold, 0, 700, Some(0))));
    assert!(!all_ok(&check_baseline(CacheState::GoCold, 1, 700, Some(0))));
    assert!(all_ok(&check_baseline(CacheState::GoWarm, 700, 700, Some(0))));
    assert!(!all_ok(&check_baseline(CacheState::GoWarm, 700, 702, Some(0))));
    assert!(!all_ok(&check_baseline(CacheState::GoWarm, 0, 0, Some(0))));
    assert!(all_ok(&check_baseline(CacheState::GoWarm, 700, 702, Some(2))), "tests that cannot be cached");
    assert!(!all_ok(&check_baseline(CacheState::GoWarm, 700, 703, Some(2))));
}

#[test]
fn a_session_that_lost_its_remote_was_in_no_state() {
    let mut session = quiet();
    session.counts.hits_remote = 1;
    session.counts.hits_not_put_here = 1;
    assert!(all_ok(&check(CacheState::RemoteHit, before(true, 9), &session, None)));
    session.remote_off = Some("no answer".to_owned());
    let findings = check(CacheState::RemoteHit, before(true, 9), &session, None);
    let wrong: Vec<&str> = findings.iter().filter(|found| !found.ok).map(|found| found.seen.as_str()).collect();
    assert_eq!(wrong, ["no answer"]);
    session.counts.hits_not_put_here = 0;
    assert!(!all_ok(&check(CacheState::Cold, before(true, 0), &session, None)));
}

#[test]
fn uploads_left_and_puts_into_a_full_store_break_the_state() {
    let mut filled = quiet();
    (filled.counts.puts, filled.uploads_done) = (1, 1);
    assert!(all_ok(&check(CacheState::Cold, before(true, 0), &filled, None)));
    (filled.counts.puts, filled.uploads_left) = (2, 1);
    assert!(!all_ok(&check(CacheState::Cold, before(true, 0), &filled, None)));
    let mut session = quiet();
    session.counts.hits_local = 1;
    assert!(all_ok(&check(CacheState::LocalHit, before(false, 9), &session, None)));
    session.counts.puts = 1;
    assert!(!all_ok(&check(CacheState::LocalHit, before(false, 9), &session, None)));
}

#[test]
fn a_case_may_let_a_build_miss() {
    let mut session = quiet();
    (session.counts.hits_remote, session.counts.hits_not_put_here) = (10, 10);
    (session.counts.misses, session.counts.puts) = (3, 5);
    let part = Before { may_miss: true, ..before(true, 20) };
    assert!(all_ok(&check(CacheState::RemoteHit, part, &session, None)));
    assert!(!all_ok(&check(CacheState::RemoteHit, before(true, 20), &session, None)));
    session.counts.misses = 0;
    assert!(!all_ok(&check(CacheState::RemoteHit, part, &session, None)), "what was put without a miss?");
    assert!(all_ok(&check_baseline(CacheState::GoWarm, 700, 702, None)));
}

#[test]
fn programs_are_linked_in_every_build() {
    let mut session = quiet();
    (session.counts.hits_local, session.counts.misses, session.counts.puts) = (10, 2, 2);
    session.remote_requests = 3;
    let two = Before { made_again: 2, ..before(false, 20) };
    assert!(all_ok(&check(CacheState::LocalHit, two, &session, None)));
    assert!(!all_ok(&check(CacheState::LocalHit, Before { made_again: 1, ..two }, &session, None)));
}

#[test]
fn a_never_asks_the_remote() {
    let mut session = quiet();
    session.counts.hits_local = 5;
    let silent = ServerSeen::default();
    assert!(all_ok(&check(CacheState::LocalHit, before(false, 9), &session, Some(silent))));
    assert!(!all_ok(&check(CacheState::LocalHit, before(true, 9), &session, Some(silent))));
    let asked = ServerSeen { requests: 1, ..silent };
    assert!(!all_ok(&check(CacheState::LocalHit, before(false, 9), &session, Some(asked))));
    session.remote_requests = 1;
    assert!(!all_ok(&check(CacheState::LocalHit, before(false, 9), &session, None)));
}

#[test]
fn a_may_ask_for_what_go_never_puts() {
    let mut session = quiet();
    (session.counts.hits_local, session.counts.misses, session.remote_requests) = (5, 1, 1);
    let asks = Before { asks_in_vain: true, ..before(false, 9) };
    assert!(all_ok(&check(CacheState::LocalHit, asks, &session, None)));
    session.counts.puts = 1;
    assert!(!all_ok(&check(CacheState::LocalHit, asks, &session, None)), "it never puts");
}
