//! The data that all records are made of. Knows no file and no format.

pub(crate) mod answer;
pub(crate) mod clock;
pub(crate) mod counts;
pub(crate) mod kind;
pub(crate) mod resources;
