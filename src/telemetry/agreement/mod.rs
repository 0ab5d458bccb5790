//! Compares the records of one session with each other. Reads files, and knows no running session.

mod accounts;
pub(crate) mod check;
