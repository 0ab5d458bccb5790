//! The `request` span of what has to wait; the recorder draws what is answered at once.

use std::fmt;
use tracing::{Span, field, info_span};

use crate::protocol::ActionId;
use crate::telemetry::{Answer, REQUEST, RequestKind};

/// Opens the span of a request that has to wait; its children come from whoever works on it.
pub fn waiting(id: i64, kind: RequestKind, action: ActionId, arrived_ns: u64) -> Span {
    info_span!(
        REQUEST,
        kind = %kind,
        id,
        action = %action.graph_key(),
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
    span.record("outcome", field::display(answer.outcome.words()));
    span.record("dur_ns", answer.times.took_ns());
    span.record("stages", field::display(Stages(answer)));
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
