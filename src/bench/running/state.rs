//! Whether a run was in the cache state that its name claims: checked afterwards, from both sides' own records.

use serde::{Deserialize, Serialize};

use crate::bench::planning::leg::Leg;
use crate::telemetry::SessionSummary;

/// What was found before go started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Before {
    /// Whether the folder of the local store held anything.
    pub local_empty: bool,
    /// Objects in the remote store; None where nobody can tell.
    pub remote_objects: Option<u64>,
    /// Whether the c that filled the remote was in its state, with all its uploads out.
    pub remote_whole: bool,
    /// Whether its case lets the build miss what was stored before: a part of it is gone, or the sources have changed.
    pub may_miss: bool,
    /// Whether its case lets the backend upload nothing.
    #[serde(default)]
    pub no_upload: bool,
    /// What go may put in every run, because it caches none of their kind: programs, tests that cannot be cached, and what vet
    /// found.
    #[serde(alias = "programs")]
    pub made_again: u64,
}

/// What the S3 server itself logged during the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerSeen {
    pub requests: u64,
    pub gets: u64,
    pub puts: u64,
    pub lists: u64,
    pub deletes: u64,
    pub not_found: u64,
    /// Bodies of the objects that were fetched.
    pub bytes_out: u64,
    /// Bodies of the objects that were stored.
    pub bytes_in: u64,
}

/// One thing that makes a state, with what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StateFinding"))]
pub struct Finding {
    pub expected: String,
    pub seen: String,
    pub ok: bool,
}

impl Finding {
    fn number(expected: &str, seen: u64, ok: bool) -> Finding {
        Finding { expected: expected.to_owned(), seen: seen.to_string(), ok }
    }

    fn fact(expected: &str, ok: bool, otherwise: &str) -> Finding {
        Finding { expected: expected.to_owned(), seen: if ok { expected } else { otherwise }.to_owned(), ok }
    }
}

/// Checks a baseline by the number of files in its GOCACHE before and after. A full one finds all, and adds at most `growth`
/// files; None: its case lets it miss.
pub fn check_baseline(leg: Leg, files_before: u64, files_after: u64, growth: Option<u64>) -> Vec<Finding> {
    if leg == Leg::BaselineEmpty {
        return vec![Finding::number("0 files in GOCACHE at the start", files_before, files_before == 0)];
    }
    let mut findings = vec![Finding::number("files in GOCACHE at the start", files_before, files_before > 0)];
    match growth {
        None => {}
        Some(0) => findings.push(Finding::number(
            &format!("still {files_before} files in GOCACHE at the end"),
            files_after,
            files_after == files_before,
        )),
        Some(growth) => findings.push(Finding::number(
            &format!("{files_before} to {} files in GOCACHE at the end", files_before + growth),
            files_after,
            (files_before..=files_before + growth).contains(&files_after),
        )),
    }
    findings
}

/// Checks a leg that used the backend. `inside` are the sessions of go commands that were started by what go ran. `server` is
/// None where the server keeps no log for us (`--remote env`).
pub fn check(
    leg: Leg,
    before: Before,
    session: &SessionSummary,
    inside: &[SessionSummary],
    server: Option<ServerSeen>,
) -> Vec<Finding> {
    // The server does not tell the sessions apart.
    let server = if inside.is_empty() { server } else { None };
    // Each go asks for an action once.
    let inside = inside.iter().map(|session| session.counts.puts + session.counts.hits_remote).sum();
    match leg {
        Leg::BaselineEmpty | Leg::BaselineFull => Vec::new(),
        Leg::C => check_c(before, session, inside),
        Leg::B => check_b(before, session, inside, server),
        Leg::A => check_a(before, session, server),
    }
}

/// `inside`: the entries that go commands inside the run put or fetched.
fn check_c(before: Before, session: &SessionSummary, inside: u64) -> Vec<Finding> {
    vec![
        local_empty(before),
        remote_objects(before, "remote store empty at the start", |objects| objects == 0),
        Finding::number(
            &(if inside == 0 {
                "0 hits on what this run did not put".to_owned()
            } else {
                format!("at most {inside} hits on what go commands inside the run put")
            }),
            session.counts.hits_not_put_here,
            session.counts.hits_not_put_here <= inside,
        ),
        remote_on(session),
        Finding::number("0 uploads left at the end", session.uploads_left, session.uploads_left == 0),
        Finding::number(
            &(if before.no_upload {
                "no put uploaded".to_owned()
            } else {
                format!("all {} puts uploaded", session.counts.puts)
            }),
            session.uploads_done,
            session.uploads_done + session.uploads_left == if before.no_upload { 0 } else { session.counts.puts },
        ),
    ]
}

/// `inside`: the entries that go commands inside the run put or fetched.
fn check_b(before: Before, session: &SessionSummary, inside: u64, server: Option<ServerSeen>) -> Vec<Finding> {
    let known = session.counts.hits_remote + inside;
    let mut findings = vec![
        local_empty(before),
        remote_objects(before, "remote store filled at the start", |objects| objects > 0),
        Finding::fact("a c in its state filled the remote", before.remote_whole, "one that was not"),
        remote_on(session),
        no_puts(session, before),
        Finding::number(
            "0 hits on what was neither fetched nor put in this run",
            session.counts.hits_not_put_here.saturating_sub(known),
            session.counts.hits_not_put_here <= known,
        ),
        some_hits("some hits from the remote", session.counts.hits_remote, before),
    ];
    if let Some(server) = server {
        findings.push(Finding {
            expected: format!("{} bytes of objects sent by the server", session.bytes_down),
            seen: server.bytes_out.to_string(),
            ok: server.bytes_out == session.bytes_down,
        });
    }
    findings
}

fn check_a(before: Before, session: &SessionSummary, server: Option<ServerSeen>) -> Vec<Finding> {
    let requests = server.map_or(session.remote_requests, |server| server.requests);
    vec![
        Finding::fact("local store filled at the start", !before.local_empty, "it was empty"),
        match before.may_miss || before.made_again > 0 {
            true => remote_on(session),
            false => Finding::number("0 requests to the remote", requests, requests == 0),
        },
        no_puts(session, before),
        some_hits("some hits from local disk", session.counts.hits_local, before),
    ]
}

/// A session that gave up on the remote was no longer the leg that its name says.
fn remote_on(session: &SessionSummary) -> Finding {
    let reason = session.remote_off.as_deref().unwrap_or_default();
    Finding::fact("the remote in use to the end", session.remote_off.is_none(), reason)
}

/// What is put was compiled: the store was not full.
fn no_puts(session: &SessionSummary, before: Before) -> Finding {
    let puts = session.counts.puts;
    match before.may_miss {
        true => Finding::number("puts only after misses", puts, puts == 0 || session.counts.misses > 0),
        false if before.made_again > 0 => {
            let most = before.made_again;
            Finding::number(&format!("at most {most} puts, of what go caches in no run"), puts, puts <= most)
        }
        false => Finding::number("0 puts", puts, puts == 0),
    }
}

/// A change may touch all that a build asks for.
fn some_hits(expected: &str, hits: u64, before: Before) -> Finding {
    Finding::number(expected, hits, hits > 0 || before.may_miss)
}

fn local_empty(before: Before) -> Finding {
    Finding::fact("local store empty at the start", before.local_empty, "it held something")
}

fn remote_objects(before: Before, expected: &str, ok: impl Fn(u64) -> bool) -> Finding {
    Finding {
        expected: expected.to_owned(),
        seen: before
            .remote_objects
            .map_or_else(|| "not known: a prefix of its own".to_owned(), |objects| format!("{objects} objects")),
        ok: before.remote_objects.is_none_or(ok),
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::tests::quiet;
    use super::*;

    fn before(local_empty: bool, objects: u64) -> Before {
        Before {
            local_empty,
            remote_objects: Some(objects),
            remote_whole: true,
            may_miss: false,
            no_upload: false,
            made_again: 0,
        }
    }

    fn check(leg: Leg, before: Before, session: &SessionSummary, server: Option<ServerSeen>) -> Vec<Finding> {
        super::check(leg, before, session, &[], server)
    }

    #[test]
    fn what_go_commands_inside_the_run_store_may_be_hit() {
        let (mut session, mut inside) = (quiet(), quiet());
        (session.counts.hits_not_put_here, inside.counts.puts) = (8, 8);
        let check = |leg, before, inside: &[SessionSummary], server| {
            super::check(leg, before, &session, inside, server).iter().all(|finding| finding.ok)
        };
        assert!(check(Leg::C, before(true, 0), &[inside.clone()], None));
        assert!(!check(Leg::C, before(true, 0), &[], None));
        assert!(!check(Leg::C, before(true, 0), &[quiet()], None), "it stored nothing");
        session.counts.hits_remote = 1;
        let check = |inside: &[SessionSummary], bytes_out| {
            let server = ServerSeen { bytes_out, ..ServerSeen::default() };
            super::check(Leg::B, before(true, 9), &session, inside, Some(server)).iter().all(|finding| finding.ok)
        };
        assert!(check(&[inside.clone()], 700), "the bytes are of both");
        assert!(!check(&[], 700));
    }

    fn all_ok(findings: &[Finding]) -> bool {
        findings.iter().all(|finding| finding.ok)
    }

    #[test]
    fn c_hits_nothing_but_its_own() {
        let mut session = quiet();
        session.counts.hits_local = 4;
        assert!(all_ok(&check(Leg::C, before(true, 0), &session, None)));
        assert!(!all_ok(&check(Leg::C, before(true, 1), &session, None)));
        assert!(!all_ok(&check(Leg::C, before(false, 0), &session, None)));
        session.counts.hits_not_put_here = 1;
        assert!(!all_ok(&check(Leg::C, before(true, 0), &session, None)));
    }

    #[test]
    fn b_hands_out_only_what_it_fetched() {
        let mut session = quiet();
        session.counts.hits_remote = 10;
        session.counts.hits_not_put_here = 10;
        session.bytes_down = 700;
        let server = ServerSeen { bytes_out: 700, ..ServerSeen::default() };
        assert!(all_ok(&check(Leg::B, before(true, 20), &session, Some(server))));
        assert!(!all_ok(&check(Leg::B, before(true, 0), &session, Some(server))));
        assert!(!all_ok(&check(Leg::B, before(false, 20), &session, Some(server))));
        let other = ServerSeen { bytes_out: 699, ..server };
        assert!(!all_ok(&check(Leg::B, before(true, 20), &session, Some(other))));
        let half = Before { remote_whole: false, ..before(true, 20) };
        assert!(!all_ok(&check(Leg::B, half, &session, Some(server))));
        session.counts.hits_not_put_here = 11; // one of them was on disk before
        assert!(!all_ok(&check(Leg::B, before(true, 20), &session, Some(server))));
    }

    #[test]
    fn a_baseline_is_known_by_its_gocache() {
        assert!(all_ok(&check_baseline(Leg::BaselineEmpty, 0, 700, Some(0))));
        assert!(!all_ok(&check_baseline(Leg::BaselineEmpty, 1, 700, Some(0))));
        assert!(all_ok(&check_baseline(Leg::BaselineFull, 700, 700, Some(0))));
        assert!(!all_ok(&check_baseline(Leg::BaselineFull, 700, 702, Some(0))));
        assert!(!all_ok(&check_baseline(Leg::BaselineFull, 0, 0, Some(0))));
        assert!(all_ok(&check_baseline(Leg::BaselineFull, 700, 702, Some(2))), "tests that cannot be cached");
        assert!(!all_ok(&check_baseline(Leg::BaselineFull, 700, 703, Some(2))));
    }

    #[test]
    fn a_session_that_lost_its_remote_was_in_no_state() {
        let mut session = quiet();
        session.counts.hits_remote = 1;
        session.counts.hits_not_put_here = 1;
        assert!(all_ok(&check(Leg::B, before(true, 9), &session, None)));
        session.remote_off = Some("no answer".to_owned());
        let findings = check(Leg::B, before(true, 9), &session, None);
        let wrong: Vec<&str> = findings.iter().filter(|found| !found.ok).map(|found| found.seen.as_str()).collect();
        assert_eq!(wrong, ["no answer"]);
        session.counts.hits_not_put_here = 0;
        assert!(!all_ok(&check(Leg::C, before(true, 0), &session, None)));
    }

    #[test]
    fn uploads_left_and_puts_into_a_full_store_break_the_state() {
        let mut filled = quiet();
        (filled.counts.puts, filled.uploads_done) = (1, 1);
        assert!(all_ok(&check(Leg::C, before(true, 0), &filled, None)));
        (filled.counts.puts, filled.uploads_left) = (2, 1);
        assert!(!all_ok(&check(Leg::C, before(true, 0), &filled, None)));
        let mut session = quiet();
        session.counts.hits_local = 1;
        assert!(all_ok(&check(Leg::A, before(false, 9), &session, None)));
        session.counts.puts = 1;
        assert!(!all_ok(&check(Leg::A, before(false, 9), &session, None)));
    }

    #[test]
    fn a_case_may_let_a_build_miss() {
        let mut session = quiet();
        (session.counts.hits_remote, session.counts.hits_not_put_here) = (10, 10);
        (session.counts.misses, session.counts.puts) = (3, 5);
        let part = Before { may_miss: true, ..before(true, 20) };
        assert!(all_ok(&check(Leg::B, part, &session, None)));
        assert!(!all_ok(&check(Leg::B, before(true, 20), &session, None)));
        session.counts.misses = 0;
        assert!(!all_ok(&check(Leg::B, part, &session, None)), "what was put without a miss?");
        assert!(all_ok(&check_baseline(Leg::BaselineFull, 700, 702, None)));
    }

    #[test]
    fn programs_are_linked_in_every_build() {
        let mut session = quiet();
        (session.counts.hits_local, session.counts.misses, session.counts.puts) = (10, 2, 2);
        session.remote_requests = 3;
        let two = Before { made_again: 2, ..before(false, 20) };
        assert!(all_ok(&check(Leg::A, two, &session, None)));
        assert!(!all_ok(&check(Leg::A, Before { made_again: 1, ..two }, &session, None)));
    }

    #[test]
    fn a_never_asks_the_remote() {
        let mut session = quiet();
        session.counts.hits_local = 5;
        let silent = ServerSeen::default();
        assert!(all_ok(&check(Leg::A, before(false, 9), &session, Some(silent))));
        assert!(!all_ok(&check(Leg::A, before(true, 9), &session, Some(silent))));
        let asked = ServerSeen { requests: 1, ..silent };
        assert!(!all_ok(&check(Leg::A, before(false, 9), &session, Some(asked))));
        session.remote_requests = 1;
        assert!(!all_ok(&check(Leg::A, before(false, 9), &session, None)));
    }
}
