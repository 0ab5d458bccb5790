//! Resources of the processes and the machine: sampled, and summed up.

pub(crate) mod sampler;
pub(crate) mod sums;
