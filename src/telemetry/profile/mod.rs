//! Profiles: CPU, heap and wall clock, in pprof's format and as flame graphs.

pub(crate) mod cpu;
pub(crate) mod heap;
pub(crate) mod heap_dump;
pub(crate) mod latencies;
pub mod pprof_file;
pub(crate) mod span_sums;
pub(crate) mod wall;
