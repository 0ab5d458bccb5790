//! The check that a round was in its cache state, by what is seen from outside: the folders and the S3 server's log. A round that was
//! not is shown all the same: that is what is to be known of the backend.

use crate::results::round::{ServerSeen, StateCheck};
use crate::scenario::cache_state::CacheState;

/// The stores before the build.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    pub local_empty: bool,
    /// Objects in its bucket; None for a backend over disk only.
    pub objects: Option<u64>,
}

/// The checks of a state; `seen` is None for a backend over disk only.
pub fn check(state: CacheState, before: Before, seen: Option<ServerSeen>) -> Vec<StateCheck> {
    let objects = before.objects.unwrap_or(0);
    let fact = |expected: &str, seen: String, ok: bool| StateCheck { expected: expected.to_owned(), seen, ok };
    let emptiness = |is_empty: bool| if is_empty { "an empty one" } else { "one with files" }.to_owned();
    let mut checks = Vec::new();
    match state {
        CacheState::GoCold | CacheState::GoWarm => {}
        CacheState::Cold => {
            checks.push(fact("an empty local store at the start", emptiness(before.local_empty), before.local_empty));
            checks.push(fact("no objects in S3 at the start", objects.to_string(), objects == 0));
            if let Some(seen) = seen {
                checks.push(fact("objects put into S3", seen.puts.to_string(), seen.puts > 0));
            }
        }
        CacheState::RemoteHit => {
            checks.push(fact("an empty local store at the start", emptiness(before.local_empty), before.local_empty));
            checks.push(fact("objects in S3 at the start", objects.to_string(), objects > 0));
            if let Some(seen) = seen {
                let found = seen.gets.saturating_sub(seen.not_found);
                checks.push(fact("objects fetched from S3", found.to_string(), found > 0));
                checks.push(fact("no object put into S3", format!("{} put", seen.puts), seen.puts == 0));
            }
        }
        CacheState::LocalHit => {
            checks.push(fact(
                "a local store with files at the start",
                emptiness(before.local_empty),
                !before.local_empty,
            ));
            if let Some(seen) = seen {
                let said = format!("{} requests to S3 in a build whose outputs were all on disk", seen.requests);
                checks.push(fact("no requests to S3", said, seen.requests == 0));
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(state: CacheState, before: Before, seen: ServerSeen) -> Vec<String> {
        let checks = check(state, before, Some(seen)).into_iter().filter(|check| !check.ok);
        checks.map(|check| format!("expected {}, saw {}", check.expected, check.seen)).collect()
    }

    #[test]
    fn a_local_hit_that_asks_s3_is_named_with_the_number_of_its_requests() {
        let before = Before { local_empty: false, objects: Some(9) };
        let seen = ServerSeen { requests: 2144, gets: 2144, ..ServerSeen::default() };
        let expected = "expected no requests to S3, saw 2144 requests to S3 in a build whose outputs were all on disk";
        assert_eq!(failed(CacheState::LocalHit, before, seen), [expected]);
        assert!(failed(CacheState::LocalHit, before, ServerSeen::default()).is_empty());
    }

    #[test]
    fn a_remote_hit_fetches_and_puts_nothing() {
        let before = Before { local_empty: true, objects: Some(9) };
        let good = ServerSeen { requests: 9, gets: 9, not_found: 1, ..ServerSeen::default() };
        assert!(failed(CacheState::RemoteHit, before, good).is_empty());
        let miss = ServerSeen { requests: 18, gets: 9, not_found: 9, puts: 9, ..ServerSeen::default() };
        assert_eq!(failed(CacheState::RemoteHit, before, miss).len(), 2);
        let disk = check(CacheState::Cold, Before { local_empty: true, objects: None }, None);
        assert!(disk.iter().all(|check| check.ok));
    }
}
