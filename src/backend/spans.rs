//! The `request` span: an event with its times as arguments for what is answered at once, a span for what waits.

use std::fmt;
use tracing::{Span, field, info, info_span};

use crate::protocol::ActionId;
use crate::telemetry::{Answer, Outcome, REQUEST, Times};

/// Records a request that was answered without waiting, after the fact: `telemetry` draws span and stages from it. An
/// event costs half of a span.
pub fn answered_at_once(answer: &Answer) {
    let Times { arrived_ns, .. } = answer.times;
    info!(
        name: REQUEST,
        kind = %answer.kind,
        id = answer.id,
        action = %GraphKey(answer.action),
        bytes = answer.bytes,
        outcome = %outcome(answer.outcome),
        t0_ns = arrived_ns,
        dur_ns = answer.times.took_ns(),
        stages = %Stages(answer),
    );
}

/// Opens the span of a request that has to wait; its children come from whoever works on it.
pub fn waiting(id: i64, kind: &'static str, action: ActionId, arrived_ns: u64) -> Span {
    info_span!(
        REQUEST,
        kind = %kind,
        id,
        action = %GraphKey(Some(action)),
        bytes = field::Empty,
        outcome = field::Empty,
        t0_ns = arrived_ns,
        dur_ns = field::Empty,
        stages = field::Empty,
    )
}

/// Completes the span of a request that had to wait and has been answered.
pub fn answered_later(span: &Span, answer: &Answer) {
    span.record("bytes", answer.bytes);
    span.record("outcome", field::display(outcome(answer.outcome)));
    span.record("dur_ns", answer.times.took_ns());
    span.record("stages", field::display(Stages(answer)));
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::HitLocal { .. } => "hit local",
        Outcome::HitRemote => "hit remote",
        Outcome::Miss => "miss",
        Outcome::Stored => "stored",
        Outcome::Closed => "closed",
        Outcome::Error => "error",
    }
}

/// The action as go's own graph names it; `-` for a request without one.
struct GraphKey(Option<ActionId>);

impl fmt::Display for GraphKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(action) => f.write_str(&action.graph_key()),
            None => f.write_str("-"),
        }
    }
}

/// `name:offset+duration` for each stage of the request, nanoseconds since its arrival.
struct Stages<'a>(&'a Answer);

impl fmt::Display for Stages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrived_ns = self.0.times.arrived_ns;
        for (name, from_ns, to_ns) in self.0.stages() {
            let (offset_ns, duration_ns) = (from_ns.saturating_sub(arrived_ns), to_ns.saturating_sub(from_ns));
            write!(f, "{name}:{offset_ns}+{duration_ns} ")?;
        }
        Ok(())
    }
}
