//! `trace.json`: spans, rows and counter tracks in Chrome's trace format.

pub(crate) mod chrome_lines;
pub(crate) mod counter_tracks;
pub(crate) mod file;
mod gate;
pub(crate) mod recording;
pub(crate) mod rows;
pub(crate) mod sampler;
