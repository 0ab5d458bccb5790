//! Rounds of a backend that is not ours: it is started with its own settings, and seen from outside only.

pub mod home;
pub mod join;
mod keys;
pub mod round;
mod server_trace;
pub mod settings;
pub mod state_check;
