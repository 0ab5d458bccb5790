//! From plan to results: runs go and the backend, and checks the cache state of each round.

pub mod backend;
pub mod environment;
pub mod fleet;
pub mod folders;
pub mod foreign;
pub mod go;
pub mod overhead;
pub mod process;
pub mod remote;
pub mod round;
pub mod round_runner;
pub mod runner;
pub mod scaling;
pub mod state_check;
pub mod workload;
