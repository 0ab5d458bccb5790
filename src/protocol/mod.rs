//! The GOCACHEPROG wire format: ids, frames, messages, the writer. Knows no cache.
//!
//! Source of the format: `cmd/go/internal/cacheprog` and `cmd/go/internal/cache/prog.go` of Go 1.24 to 1.27.

mod error;
mod frame;
mod id;
mod message;
mod writer;

pub use error::ProtocolError;
pub use frame::{Frame, FrameReader};
pub use id::{ActionId, Id, OutputId};
pub use message::{Command, Request, Response};
pub use writer::ResponseWriter;
