//! The bench: scenario -> plan -> rounds -> results (plain data) -> statistics -> reporters.
