//! Rules about backends that are seen from outside only: what ours does not do.

use crate::analysis::verdict::evidence::Seen;
use crate::analysis::verdict::finding::{Bottleneck, Finding, Quantity};
use crate::results::time_breakdown::{Stage, WaitKind};
use crate::scenario::cache_state::CacheState;
use crate::scenario::rule::Rule;

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

/// True if such requests are why gets wait for S3: then nothing about S3 itself is.
pub fn asks_needlessly(seen: &Seen<'_>) -> bool {
    per_get(seen).is_some()
}

/// Requests of gets for themselves in a build whose outputs were all on disk, for each get.
fn per_get(seen: &Seen<'_>) -> Option<f64> {
    let is_outside = seen.session.seen.is_some() && seen.round.step.state == CacheState::LocalHit;
    if is_outside { seen.trips() } else { None }
}
