//! Whether the records of one session agree. Reads files, and knows no running session.

mod accounts;
pub(crate) mod check;
