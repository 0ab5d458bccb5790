//! The charts of `report.html` as SVG, each in a wide and a narrow form. They know nothing of sections and files.

pub mod chart;
pub mod hover;
pub mod in_flight;
pub mod latency;
pub mod network_map;
pub mod palette;
pub mod strips;
pub mod time_breakdown;
pub mod waterfall;
