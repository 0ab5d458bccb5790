//! Reports on the terminal: the first screen, and the tables of `--details`. Computes nothing.

pub mod cases;
pub mod ci;
pub mod counts;
pub mod differences;
pub mod dots;
pub mod first_screen;
pub mod grid;
pub mod network;
pub mod overhead;
pub mod savings;
pub mod scaling;
pub mod selftest;
pub mod states;
pub mod tables;
pub mod time_breakdown;
