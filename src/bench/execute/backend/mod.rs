//! The backend under test: how it is started, how it ended, and the records it left.

pub mod command;
pub mod commit_build;
pub mod profiles;
pub mod records;
pub mod repository;
pub mod session;
pub mod stdin_stalls;
pub mod time_breakdown;
