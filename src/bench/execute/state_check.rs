//! The check that a run was in the cache state that its name claims: made afterwards, from both sides' own records.

use crate::execute::backend::session::Inside;
use crate::results::round::{Before, ServerSeen, StateCheck};
use crate::scenario::cache_state::CacheState;
use gocacheprog::telemetry::SessionSummary;

impl StateCheck {
    fn number(expected: &str, seen: u64, ok: bool) -> StateCheck {
        StateCheck { expected: expected.to_owned(), seen: seen.to_string(), ok }
    }

    fn fact(expected: &str, ok: bool, otherwise: &str) -> StateCheck {
        StateCheck { expected: expected.to_owned(), seen: if ok { expected } else { otherwise }.to_owned(), ok }
    }
}

/// Checks a baseline by the number of files in its GOCACHE before and after. A full one finds all, and adds at most `growth`
/// files; None: its case lets it miss.
pub fn check_baseline(state: CacheState, files_before: u64, files_after: u64, growth: Option<u64>) -> Vec<StateCheck> {
    if state == CacheState::GoCold {
        return vec![StateCheck::number("0 files in GOCACHE at the start", files_before, files_before == 0)];
    }
    let mut findings = vec![StateCheck::number("files in GOCACHE at the start", files_before, files_before > 0)];
    match growth {
        None => {}
        Some(0) => findings.push(StateCheck::number(
            &format!("still {files_before} files in GOCACHE at the end"),
            files_after,
            files_after == files_before,
        )),
        Some(growth) => findings.push(StateCheck::number(
            &format!("{files_before} to {} files in GOCACHE at the end", files_before + growth),
            files_after,
            (files_before..=files_before + growth).contains(&files_after),
        )),
    }
    findings
}

/// Checks a state that used the backend. `inside` are the sessions of go commands that were started by what go ran. `server` is
/// None where the server keeps no log for us (`--remote env`).
pub fn check(
    state: CacheState,
    before: Before,
    session: &SessionSummary,
    inside: &Inside,
    server: Option<ServerSeen>,
) -> Vec<StateCheck> {
    // The server does not tell the sessions apart.
    let server = if inside.is_none() { server } else { None };
    let mut findings = match state {
        CacheState::GoCold | CacheState::GoWarm => Vec::new(),
        CacheState::Cold => check_cold(before, session, inside),
        CacheState::RemoteHit => check_remote_hit(before, session, inside, server),
        CacheState::LocalHit => check_local_hit(before, session, inside, server),
    };
    if inside.unknown > 0 {
        // No fault of the backend: what they did is not known, and the checks that need it are left out.
        let expected = "the summary of each go command inside the run";
        findings.push(StateCheck::number(expected, inside.unknown, true));
        if let Some(finding) = findings.last_mut() {
            finding.seen += " ended without one";
        }
    }
    findings
}

fn check_cold(before: Before, session: &SessionSummary, inside: &Inside) -> Vec<StateCheck> {
    let left = session.uploads_left + inside.summaries.iter().map(|session| session.uploads_left).sum::<u64>();
    let mut findings = vec![
        local_empty(before),
        remote_objects(before, "remote store empty at the start", |objects| objects == 0),
        remote_on(session, inside),
        StateCheck::number("0 uploads left at the end", left, left == 0),
        StateCheck::number(
            &(if before.no_upload {
                "no put uploaded".to_owned()
            } else {
                format!("all {} puts uploaded", session.counts.puts)
            }),
            session.uploads_done,
            session.uploads_done + session.uploads_left == if before.no_upload { 0 } else { session.counts.puts },
        ),
    ];
    // Each go asks for an action once.
    if let Some(inside) = inside.entries() {
        let hits = session.counts.hits_not_put_here;
        let expected = match inside {
            0 => "0 hits on what this run did not put".to_owned(),
            _ => format!("at most {inside} hits on what go commands inside the run put"),
        };
        findings.push(StateCheck::number(&expected, hits, hits <= inside));
    }
    findings
}

fn check_remote_hit(
    before: Before,
    session: &SessionSummary,
    inside: &Inside,
    server: Option<ServerSeen>,
) -> Vec<StateCheck> {
    let mut findings = vec![
        local_empty(before),
        remote_objects(before, "remote store filled at the start", |objects| objects > 0),
        StateCheck::fact(
            "the cold build that filled the remote was in its state",
            before.remote_whole,
            "one that was not",
        ),
        remote_on(session, inside),
        no_puts(session, before),
        some_hits("some hits from the remote", session.counts.hits_remote, before),
    ];
    if let Some(inside) = inside.entries() {
        let unknown = session.counts.hits_not_put_here.saturating_sub(session.counts.hits_remote + inside);
        let expected = "0 hits on what was neither fetched nor put in this run";
        findings.push(StateCheck::number(expected, unknown, unknown == 0));
    }
    if let Some(server) = server {
        findings.push(StateCheck {
            expected: format!("{} bytes of objects sent by the server", session.bytes_down),
            seen: server.bytes_out.to_string(),
            ok: server.bytes_out == session.bytes_down,
        });
    }
    findings
}

fn check_local_hit(
    before: Before,
    session: &SessionSummary,
    inside: &Inside,
    server: Option<ServerSeen>,
) -> Vec<StateCheck> {
    let requests = server.map_or(session.remote_requests, |server| server.requests);
    vec![
        StateCheck::fact("local store filled at the start", !before.local_empty, "it was empty"),
        match before.may_miss || before.made_again > 0 || before.asks_in_vain {
            true => remote_on(session, inside),
            false => StateCheck::number("0 requests to the remote", requests, requests == 0),
        },
        no_puts(session, before),
        some_hits("some hits from local disk", session.counts.hits_local, before),
    ]
}

/// A session that gave up on the remote was no longer the state that its name says.
fn remote_on(session: &SessionSummary, inside: &Inside) -> StateCheck {
    let reason = std::iter::once(session).chain(&inside.summaries).find_map(|session| session.remote_off.as_deref());
    StateCheck::fact("the remote in use to the end", reason.is_none(), reason.unwrap_or_default())
}

/// An entry that is put was compiled: the store was not full.
fn no_puts(session: &SessionSummary, before: Before) -> StateCheck {
    let puts = session.counts.puts;
    match before.may_miss {
        true => StateCheck::number("puts only after misses", puts, puts == 0 || session.counts.misses > 0),
        false if before.made_again > 0 => {
            let most = before.made_again;
            StateCheck::number(&format!("at most {most} puts, of what go caches in no run"), puts, puts <= most)
        }
        false => StateCheck::number("0 puts", puts, puts == 0),
    }
}

/// A change may touch all that a build asks for.
fn some_hits(expected: &str, hits: u64, before: Before) -> StateCheck {
    StateCheck::number(expected, hits, hits > 0 || before.may_miss)
}

fn local_empty(before: Before) -> StateCheck {
    StateCheck::fact("local store empty at the start", before.local_empty, "it held something")
}

fn remote_objects(before: Before, expected: &str, ok: impl Fn(u64) -> bool) -> StateCheck {
    StateCheck {
        expected: expected.to_owned(),
        seen: before
            .remote_objects
            .map_or_else(|| "not known: a prefix of its own".to_owned(), |objects| format!("{objects} objects")),
        ok: before.remote_objects.is_none_or(ok),
    }
}

#[cfg(test)]
#[path = "state_check_tests.rs"]
mod tests;
