//! `report.html`: one file that needs no network.

pub mod chart;
pub mod flames;
pub mod in_flight;
pub mod latency;
pub mod links;
pub mod network_map;
pub mod page;
pub mod palette;
pub mod panels;
pub mod parts;
pub mod records;
pub mod strips;
pub mod subjects;
pub mod tables;
pub mod text;
pub mod time_breakdown;
pub mod verdict;
pub mod waterfall;
pub mod write;
