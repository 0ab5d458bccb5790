//! The GOCACHEPROG wire format: ids, frames, messages, the writer. Knows no cache.
