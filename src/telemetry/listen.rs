//! Who listens to the spans of this process: the trace and the wall profile.

use tracing_chrome::ChromeLayer;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;

use crate::note::note;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::profile::span_sums::SpanSums;

/// Spans of other crates (the SDK, hyper) are not recorded.
const TARGET: &str = env!("CARGO_CRATE_NAME");

/// From now on all spans of this process go to those of the two that there are.
pub fn listen(trace: Option<ChromeLayer<Registry>>, sums: Option<SpanSums>, clock: &Clock) {
    if trace.is_none() && sums.is_none() {
        return;
    }
    let of_ours = filter_fn(|metadata| metadata.target().starts_with(TARGET));
    let registry = tracing_subscriber::registry().with(trace).with(sums).with(of_ours);
    if let Err(error) = tracing::subscriber::set_global_default(registry) {
        note(format_args!("no spans in the trace and the wall profile: {error}"));
    }
    // From these two times of one moment the trace's writer knows tracing-chrome's time zero.
    tracing::info!(t0_ns = clock.now_ns());
}
