//! The one writer of answers: whole lines, in any order, from any thread.

use std::io::{self, Write};
use std::sync::Mutex;

use crate::protocol::message::Response;

/// Owns stdout. Dropping it, or [`ResponseWriter::close`], tells go that the session is over.
pub struct ResponseWriter<W> {
    out: Mutex<Option<W>>,
}

impl<W: Write> ResponseWriter<W> {
    /// Writes to `out`, which should not be buffered.
    pub fn new(out: W) -> Self {
        Self { out: Mutex::new(Some(out)) }
    }

    /// Writes one answer in one call, so that it reaches go at once and in one piece.
    ///
    /// # Errors
    /// When go no longer reads, or the writer was closed.
    pub fn send(&self, response: &Response<'_>) -> io::Result<()> {
        let mut line = Vec::with_capacity(384);
        serde_json::to_writer(&mut line, response)?;
        line.push(b'\n');
        match self.out.lock().expect("no writer panics").as_mut() {
            Some(out) => out.write_all(&line),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Closes the output: go goes on as soon as it sees that.
    pub fn close(&self) {
        self.out.lock().expect("no writer panics").take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_lines_and_end_with_close() {
        let mut out = Vec::new();
        {
            let writer = ResponseWriter::new(&mut out);
            writer.send(&Response::HANDSHAKE).unwrap();
            writer.send(&Response { id: 1, miss: true, ..Response::default() }).unwrap();
            writer.close();
            assert!(writer.send(&Response::HANDSHAKE).is_err());
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n{\"ID\":1,\"Miss\":true}\n"
        );
    }
}
