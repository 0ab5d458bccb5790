//! The reader: cuts the bytes of stdin into requests and streams bodies out of base64 in one pass.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::platform::thread_cpu;
use crate::protocol::error::{MAX_HEADER_BYTES, ProtocolError};
use crate::protocol::message::Request;

/// Size of the read buffer: as much as go can have in a pipe of the largest usual size.
const BUFFER_BYTES: usize = 256 << 10;

/// A request with the time at which its first byte was in this process.
#[derive(Debug)]
pub struct Frame {
    /// The header.
    pub request: Request,
    /// When the read that delivered its first byte returned.
    pub arrived: Instant,
}

/// Reads frames from a blocking source. A body that is not asked for is drained by the next call.
pub struct FrameReader<R> {
    source: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    filled: Instant,
    /// How long the source was waited for, while a body is read. Between bodies nobody asks, and a get pays for no clock.
    waited: Option<Duration>,
    /// Request number and bytes of the body that the caller has not taken yet.
    body: Option<(i64, u64)>,
}

impl<R: Read> FrameReader<R> {
    /// Reads from `source`, which should not be buffered itself.
    pub fn new(source: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { source, buffer, start: 0, end: 0, filled: Instant::now(), waited: None, body: None }
    }

    /// The next request, `None` at the end of the input.
    ///
    /// # Errors
    /// Any [`ProtocolError`]; there is no way to go on after one.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        if self.body.is_some() {
            self.read_body(|_| {})?;
        }
        if !self.skip_white_space()? {
            return Ok(None);
        }
        let arrived = self.filled;
        let length = self.line_length()?;
        let line = &self.buffer[self.start..self.start + length];
        let request = Request::parse(line)?;
        self.start += length;
        let body_bytes = request.command.body_bytes();
        self.body = (body_bytes > 0).then_some((request.id, body_bytes));
        Ok(Some(Frame { request, arrived }))
    }

    /// The source, where the next request has not been read from it yet.
    pub fn unread(&self) -> Option<&R> {
        self.buffer[self.start..self.end].iter().all(u8::is_ascii_whitespace).then_some(&self.source)
    }

    /// Streams the body of the last frame into `sink`, decoded, in order, in pieces of any size. Does nothing
    /// for a frame without a body. The sink cannot stop it: go waits until the body is drained. Returns how long it waited
    /// for the source.
    ///
    /// # Errors
    /// [`ProtocolError::Body`] when it is not base64 of the announced size, [`ProtocolError::Truncated`].
    pub fn read_body(&mut self, mut sink: impl FnMut(&[u8])) -> Result<Duration, ProtocolError> {
        let Some((id, bytes)) = self.body.take() else {
            return Ok(Duration::ZERO);
        };
        self.waited = Some(Duration::ZERO);
        let wrong = |what| ProtocolError::Body { id, what };
        self.skip_white_space()?;
        if !self.expect_quote().ok_or(ProtocolError::Truncated)? {
            return Err(wrong("no opening quote"));
        }
        let mut chars = bytes.div_ceil(3).checked_mul(4).ok_or(wrong("an impossible size"))?;
        let mut decoded = 0;
        while chars > 0 {
            let piece = self.whole_quads(chars)?;
            let text = &mut self.buffer[self.start..self.start + piece];
            let raw = base64_simd::STANDARD.decode_inplace(text).map_err(|_| wrong("not base64"))?;
            decoded += raw.len() as u64;
            sink(raw);
            self.start += piece;
            chars -= piece as u64;
        }
        if decoded != bytes {
            return Err(wrong("not of the announced size"));
        }
        if self.start == self.end && !self.fill()? {
            return Err(ProtocolError::Truncated);
        }
        let is_ended = self.expect_quote().unwrap_or(false);
        let waited = self.waited.take().unwrap_or_default();
        is_ended.then_some(waited).ok_or(wrong("longer than announced"))
    }

    /// Length of as many whole groups of four base64 characters as are in the buffer, at least one, at most `most`.
    fn whole_quads(&mut self, most: u64) -> Result<usize, ProtocolError> {
        while self.end - self.start < 4 {
            if !self.fill()? {
                return Err(ProtocolError::Truncated);
            }
        }
        let there = (self.end - self.start) & !3;
        Ok(there.min(usize::try_from(most).unwrap_or(usize::MAX)))
    }

    /// Takes one character; `None` when the buffer is empty, else whether it was a quote.
    fn expect_quote(&mut self) -> Option<bool> {
        let quote = *self.buffer[self.start..self.end].first()? == b'"';
        self.start += 1;
        Some(quote)
    }

    /// Length of the line at `start`, without its end. A last line may lack the newline.
    fn line_length(&mut self) -> Result<usize, ProtocolError> {
        let mut seen = 0;
        loop {
            let there = &self.buffer[self.start..self.end];
            if let Some(at) = there[seen..].iter().position(|&b| b == b'\n') {
                return Ok(seen + at);
            }
            seen = there.len();
            if seen > MAX_HEADER_BYTES {
                return Err(ProtocolError::HeaderTooLong);
            }
            if !self.fill()? {
                return Ok(seen);
            }
        }
    }

    /// Moves to the next character that is not white space; `false` at the end of the input.
    fn skip_white_space(&mut self) -> Result<bool, ProtocolError> {
        loop {
            let there = &self.buffer[self.start..self.end];
            match there.iter().position(|b| !b.is_ascii_whitespace()) {
                Some(skip) => {
                    self.start += skip;
                    return Ok(true);
                }
                None => self.start = self.end,
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Reads more behind what is there; `false` at the end of the input.
    fn fill(&mut self) -> Result<bool, ProtocolError> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.end < self.buffer.len() / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let before = self.waited.map(|_| (Instant::now(), thread_cpu()));
        let read = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => break other?,
            }
        };
        self.filled = Instant::now();
        if let Some((waited, (began, cpu))) = self.waited.as_mut().zip(before) {
            // What was there already is copied by this thread: that is no waiting.
            let worked = thread_cpu().zip(cpu).map_or(Duration::ZERO, |(now, before)| now.saturating_sub(before));
            *waited += (self.filled - began).saturating_sub(worked);
        }
        self.end += read;
        Ok(read > 0)
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
