//! Cuts the bytes from go into requests while they pass: keeps headers, and counts bodies without keeping them.
//!
//! A header is a JSON object on one line. A body is a JSON string, so it begins and ends with a quote, and base64 has none.

use crate::tap::passing::Passed;

/// Longest header that is kept. cmd/go's are below 300 bytes.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// One request as it passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFrame {
    /// The line, without its end.
    pub header: Vec<u8>,
    /// When its first byte came.
    pub first_ns: u64,
    /// When the program's stdin had taken the header, and the body too.
    pub header_ns: u64,
    pub end_ns: u64,
    /// How long the program's stdin was full during the body.
    pub body_blocked_ns: u64,
    /// How long it is known to have lain in the program's stdin unread.
    pub unread_ns: u64,
    /// Bytes before it that the program had not read when it came.
    pub unread_before: u64,
    /// Its end, in bytes since the start of the session.
    pub end: u64,
}

/// A time in which the program's stdin was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub from_ns: u64,
    pub to_ns: u64,
    /// Bytes that waited.
    pub bytes: u64,
}

/// The bytes from go so far.
#[derive(Debug, Default)]
pub struct RequestStream {
    state: State,
    /// The frame that is being read, or was read last: a body may still follow.
    current: Option<RequestFrame>,
    frames: Vec<RequestFrame>,
    blocks: Vec<Block>,
    /// All bytes that have passed.
    pub bytes: u64,
    pub blocked_ns: u64,
    pub longest_block_ns: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Header,
    Body,
}

impl RequestStream {
    /// Takes in a piece that has passed.
    pub fn feed(&mut self, mut piece: &[u8], passed: Passed) {
        self.note_unread(passed);
        self.note_block(piece, passed);
        let mut blocked_ns = passed.blocked_ns;
        while !piece.is_empty() {
            let length = match self.state {
                State::Between => self.begin(piece, passed),
                State::Header => self.header(piece, passed),
                State::Body => self.body(piece, passed, std::mem::take(&mut blocked_ns)),
            };
            self.bytes += length as u64;
            piece = &piece[length..];
            if let Some(current) = &mut self.current {
                current.end = self.bytes;
            }
        }
    }

    /// Takes the requests out that are known to be complete, and the times in which stdin was full.
    pub fn take(&mut self) -> (Vec<RequestFrame>, Vec<Block>) {
        (std::mem::take(&mut self.frames), std::mem::take(&mut self.blocks))
    }

    /// Takes all out at the end: no body follows the last request.
    pub fn take_last(&mut self) -> (Vec<RequestFrame>, Vec<Block>) {
        let is_complete = self.state != State::Header;
        let last = self.current.take();
        if is_complete {
            self.frames.extend(last);
        }
        self.take()
    }

    /// Skips white space, or begins a request or the body of the last one.
    fn begin(&mut self, piece: &[u8], passed: Passed) -> usize {
        match piece.iter().position(|byte| !byte.is_ascii_whitespace()) {
            None => piece.len(),
            Some(0) if piece[0] == b'"' && self.current.is_some() => {
                self.state = State::Body;
                1
            }
            Some(0) => {
                let first =
                    RequestFrame { first_ns: passed.read_ns, unread_before: passed.unread, ..RequestFrame::default() };
                self.frames.extend(self.current.replace(first));
                self.state = State::Header;
                0
            }
            Some(white_space) => white_space,
        }
    }

    fn header(&mut self, piece: &[u8], passed: Passed) -> usize {
        let end = memchr::memchr(b'\n', piece);
        let length = end.unwrap_or(piece.len());
        if let Some(current) = &mut self.current {
            let room = MAX_HEADER_BYTES.saturating_sub(current.header.len());
            current.header.extend_from_slice(&piece[..length.min(room)]);
            if end.is_some() {
                (current.header_ns, current.end_ns) = (passed.written_ns, passed.written_ns);
                self.state = State::Between;
            }
        }
        length + usize::from(end.is_some())
    }

    fn body(&mut self, piece: &[u8], passed: Passed, blocked_ns: u64) -> usize {
        let end = memchr::memchr(b'"', piece);
        if let Some(current) = &mut self.current {
            current.body_blocked_ns += blocked_ns;
            current.end_ns = passed.written_ns;
        }
        if end.is_some() {
            self.state = State::Between;
        }
        end.map_or(piece.len(), |end| end + 1)
    }

    /// The requests whose end the program had not read when this piece came have lain there since they were written.
    fn note_unread(&mut self, passed: Passed) {
        let read = self.bytes.saturating_sub(passed.unread);
        // The last one that was begun is in `current`, and may be incomplete.
        let complete = self.current.iter_mut().filter(|_| self.state == State::Between);
        for frame in complete.chain(self.frames.iter_mut().rev()).take_while(|frame| frame.end > read) {
            frame.unread_ns = passed.read_ns.saturating_sub(frame.end_ns);
        }
    }

    fn note_block(&mut self, piece: &[u8], passed: Passed) {
        if passed.blocked_ns == 0 {
            return;
        }
        self.blocked_ns += passed.blocked_ns;
        self.longest_block_ns = self.longest_block_ns.max(passed.blocked_ns);
        let from_ns = passed.written_ns.saturating_sub(passed.blocked_ns);
        self.blocks.push(Block { from_ns, to_ns: passed.written_ns, bytes: piece.len() as u64 });
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(ns: u64) -> Passed {
        Passed { read_ns: ns, written_ns: ns + 1, ..Passed::default() }
    }

    fn headers(stream: &mut RequestStream) -> Vec<String> {
        let (frames, _) = stream.take_last();
        frames.iter().map(|frame| String::from_utf8_lossy(&frame.header).into_owned()).collect()
    }

    const INPUT: &[u8] = b"{\"ID\":1}\n\n{\"ID\":2,\"BodySize\":5}\n\n\"aGVsbG8=\"\n{\"ID\":3}\n\n";

    #[test]
    fn a_request_has_the_times_of_its_pieces() {
        let mut stream = RequestStream::default();
        for (n, piece) in INPUT.chunks(20).enumerate() {
            stream.feed(piece, at(n as u64 * 10));
        }
        let (frames, _) = stream.take_last();
        let times: Vec<_> = frames.iter().map(|frame| (frame.first_ns, frame.header_ns, frame.end_ns)).collect();
        assert_eq!(times, [(0, 1, 1), (0, 11, 21), (20, 21, 21)]);
        assert_eq!(stream.bytes, INPUT.len() as u64);
    }

    #[test]
    fn what_the_program_does_not_read_is_counted_until_it_does() {
        let mut stream = RequestStream::default();
        let mut send = |ns, unread| stream.feed(b"{}\n", Passed { unread, ..at(ns) });
        send(10, 0);
        send(20, 0);
        // It has read the first one only, and later all.
        send(30, 3);
        send(50, 6);
        send(60, 0);
        let (frames, _) = stream.take_last();
        assert_eq!(frames.iter().map(|frame| frame.unread_ns).collect::<Vec<_>>(), [0, 29, 19, 0, 0]);
    }

    #[test]
    fn a_full_stdin_counts_for_the_body_that_filled_it() {
        let mut stream = RequestStream::default();
        stream.feed(b"{}\n\"AAAA", at(1));
        stream.feed(b"AAAA", Passed { blocked_ns: 40, ..at(50) });
        stream.feed(b"\"\n{}\n", Passed { blocked_ns: 5, ..at(60) });
        let (frames, blocks) = stream.take_last();
        assert_eq!(frames.iter().map(|frame| frame.body_blocked_ns).collect::<Vec<_>>(), [45, 0]);
        assert_eq!(blocks[0], Block { from_ns: 11, to_ns: 51, bytes: 4 });
        assert_eq!((stream.blocked_ns, stream.longest_block_ns), (45, 40));
    }

    proptest! {
        #[test]
        fn requests_are_the_same_however_they_are_cut(cuts in vec(0..INPUT.len(), 0..20), is_taken in any::<bool>()) {
            let mut cuts = cuts;
            cuts.extend([0, INPUT.len()]);
            cuts.sort_unstable();
            let mut stream = RequestStream::default();
            let mut taken = Vec::new();
            for pair in cuts.windows(2) {
                stream.feed(&INPUT[pair[0]..pair[1]], at(1));
                if is_taken {
                    taken.extend(stream.take().0);
                }
            }
            taken.extend(stream.take_last().0);
            let headers: Vec<_> = taken.iter().map(|frame| String::from_utf8_lossy(&frame.header)).collect();
            prop_assert_eq!(headers, ["{\"ID\":1}", "{\"ID\":2,\"BodySize\":5}", "{\"ID\":3}"]);
        }

        #[test]
        fn no_bytes_break_it(pieces in vec(vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\n'), Just(b'{')], 0..50), 0..20)) {
            let mut stream = RequestStream::default();
            for piece in &pieces {
                stream.feed(piece, Passed { unread: 7, blocked_ns: 3, ..at(1) });
            }
            prop_assert_eq!(stream.bytes, pieces.concat().len() as u64);
            let kept: usize = headers(&mut stream).iter().map(String::len).sum();
            prop_assert!(kept <= 3 * pieces.concat().len());
        }
    }
}
