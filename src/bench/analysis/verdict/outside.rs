//! Rules about backends that are seen from outside only: what ours does not do.

use crate::analysis::verdict::evidence::{SEVERAL, Seen};
use crate::analysis::verdict::finding::{Bottleneck, Finding, Quantity};
use crate::results::time_breakdown::{Stage, WaitKind};
use crate::scenario::cache_state::CacheState;
use crate::scenario::rule::Rule;

/// The span of a new connection.
const CONNECT: &str = "connect";
/// From this share of the gets or requests on it is a habit, and neither a few misses nor the beginning of a pool.
const MANY: f64 = 0.5;

/// Requests to S3 for outputs that are on local disk: all that gets wait for them could be saved.
pub fn needless_requests(seen: &Seen<'_>) -> Option<Finding> {
    let requests_per_get = per_get(seen)?;
    let cost_ns = seen.lost_ns(WaitKind::Get, Stage::Remote);
    let query = "[.time_breakdown.waits[] | select(.kind == \"get\" and .stage == \"remote\") | .lost_ns] | add // 0";
    let evidence = vec![
        seen.in_results(Quantity::CostOfWait(WaitKind::Get, Stage::Remote), cost_ns, query).part(cost_ns),
        seen.in_session(Quantity::Requests, seen.session.remote_requests as f64, ".remote_requests"),
    ];
    Some(Finding::new(Rule::NeedlessRequests, Bottleneck::NeedlessRequests { requests_per_get }, evidence))
}

/// A new connection for many requests: each pays its handshakes.
pub fn new_connections(seen: &Seen<'_>) -> Option<Finding> {
    let (new, requests) = (seen.spans(CONNECT).count, seen.session.remote_requests);
    // A pool opens some at the beginning.
    if new < SEVERAL || (new as f64) < MANY * requests as f64 {
        return None;
    }
    let cost_ns = seen.gets.connect_ns;
    let evidence = vec![
        seen.in_verdict(Quantity::CostOfConnections, cost_ns, ".gets.connect_ns").part(cost_ns),
        seen.in_span_counts(Quantity::NewConnections, CONNECT),
        seen.in_session(Quantity::Requests, requests as f64, ".remote_requests"),
    ];
    let share = new as f64 / requests.max(1) as f64;
    Some(Finding::new(Rule::NewConnections, Bottleneck::NewConnections { share }, evidence))
}

/// True if such requests are why gets wait for S3.
pub fn asks_needlessly(seen: &Seen<'_>) -> bool {
    per_get(seen).is_some()
}

/// Requests of gets for themselves in a build whose outputs were all on disk, for each get.
fn per_get(seen: &Seen<'_>) -> Option<f64> {
    let is_outside = seen.session.seen.is_some() && seen.round.step.state == CacheState::LocalHit;
    if is_outside { seen.trips().filter(|trips| *trips >= MANY) } else { None }
}
