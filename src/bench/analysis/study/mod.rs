//! The figures of each kind of study: states, cases, networks, machines, comparisons.

pub mod cases;
pub mod ci;
pub mod comparability;
pub mod compare_paired;
pub mod compare_saved;
pub mod conditions;
pub mod differences;
pub mod network;
pub mod overhead;
pub mod selftest;
pub mod summary;
