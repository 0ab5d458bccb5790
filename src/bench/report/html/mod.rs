//! `report.html`: a run to look at, in one file that needs no network. Draws what `analysis` computed and links the records
//! beside it; computes nothing.

pub mod charts;
pub mod flames;
pub mod page;
pub mod records;
pub mod sections;
pub mod subjects;
pub mod text;
pub mod verdict;
