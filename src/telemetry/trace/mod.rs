//! `trace.json`: spans, rows and counter tracks in Chrome's trace format.

pub mod chrome_lines;
pub mod counter_tracks;
pub mod file;
mod gate;
pub mod recording;
pub mod rows;
pub mod sampler;
