//! Errors of the protocol.

use std::io;

/// Longest header taken. cmd/go's are below 300 bytes.
pub const MAX_HEADER_BYTES: usize = 64 << 10;

/// An error in the bytes that go sends. The session cannot go on after any of these.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// Reading failed.
    #[error("reading requests from stdin: {0}")]
    Read(#[from] io::Error),
    /// A header line that cannot be understood.
    #[error("a request that is not of the GOCACHEPROG protocol: {0}")]
    Header(String),
    /// A header without an end.
    #[error("a request header longer than {MAX_HEADER_BYTES} bytes")]
    HeaderTooLong,
    /// The input ended inside a header or a body.
    #[error("the input ended inside a request")]
    Truncated,
    /// A body that is not `"`, base64 of the announced size, `"`.
    #[error("the body of request {id}: {what}")]
    Body {
        /// The request's number.
        id: i64,
        /// The reason.
        what: &'static str,
    },
}
