//! Profiles: CPU, heap and wall clock, in pprof's format and as flame graphs.

pub mod cpu;
pub mod heap;
pub mod heap_dump;
pub mod latencies;
pub mod pprof_file;
pub mod span_sums;
pub mod wall;
