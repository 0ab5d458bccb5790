//! go's own trace and action graph, merged with the backend's records.

pub mod action_graph;
pub mod graph;
pub mod join;
pub mod merge;
pub mod open_time;
pub mod own_trace;
