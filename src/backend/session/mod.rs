//! One session: requests in, answers out, and what happens beside them and at the end.

pub mod at_close;
pub mod capture;
pub mod gauges;
pub mod in_flight;
pub mod interrupted;
pub mod io;
pub mod records;
pub mod serve;
pub mod spans;
pub mod ticker;
pub mod turns;
