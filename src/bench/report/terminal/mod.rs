//! Tables on the terminal.

pub mod cases;
pub mod ci;
pub mod counts;
pub mod differences;
pub mod dots;
pub mod grid;
pub mod network;
pub mod overhead;
pub mod savings;
pub mod selftest;
pub mod states;
pub mod tables;
pub mod time_breakdown;
