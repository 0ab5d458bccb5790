//! One session: requests in, answers out, and what happens beside them and at the end.

pub(crate) mod at_close;
pub(crate) mod capture;
pub(crate) mod gauges;
pub(crate) mod in_flight;
pub(crate) mod interrupted;
pub(crate) mod io;
pub(crate) mod records;
pub(crate) mod serve;
pub(crate) mod spans;
pub(crate) mod ticker;
pub(crate) mod turns;
