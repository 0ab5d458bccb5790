//! The data that all records are made of. Knows no file and no format.

pub mod answer;
pub mod clock;
pub mod counts;
pub mod kind;
pub mod program;
pub mod resources;
