//! Finds the answers in the bytes that a program has sent to go. Works on a copy, after they have passed.

use std::collections::VecDeque;

use serde_json::{Deserializer, Map, Value};

use crate::tap::answer::WireAnswer;
use crate::tap::passing::Passed;

/// An object that has not ended after so many bytes is no answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Bytes that are kept of a line that is no answer.
const SHOWN_BYTES: usize = 200;

/// The end of a piece, in bytes since the start, and its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    end: u64,
    read_ns: u64,
    written_ns: u64,
}

/// A copy of the bytes that have passed and were not looked at.
#[derive(Debug, Default)]
pub struct AnswerBytes {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// All bytes that have passed.
    pub passed: u64,
}

impl AnswerBytes {
    /// Takes in a piece that has passed.
    pub fn feed(&mut self, piece: &[u8], passed: Passed) {
        self.bytes.extend_from_slice(piece);
        self.passed += piece.len() as u64;
        self.marks.push(Mark { end: self.passed, read_ns: passed.read_ns, written_ns: passed.written_ns });
    }

    /// Takes the bytes out.
    pub fn take(&mut self) -> AnswerBytes {
        let (bytes, marks) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.marks));
        AnswerBytes { bytes, marks, passed: self.passed }
    }
}

/// What a program has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Answer(TimedAnswer),
    /// A line that is no answer: its first bytes, escaped.
    Stray(String),
}

/// An answer with the times at which its last byte was here, and had been passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedAnswer {
    pub answer: WireAnswer,
    pub read_ns: u64,
    pub written_ns: u64,
}

/// Reads answers as go does: JSON objects one after the other, on lines of their own or not.
#[derive(Debug, Default)]
pub struct AnswerReader {
    pending: Vec<u8>,
    /// Bytes before those.
    offset: u64,
    marks: VecDeque<Mark>,
}

/// A step of the reader.
enum Step {
    /// So many bytes are an object.
    Object(Map<String, Value>, usize),
    /// So many bytes are none.
    Stray(usize),
    /// There is no whole object.
    Wait,
}

impl AnswerReader {
    /// Reads what is complete. `is_end`: no more bytes come.
    pub fn read(&mut self, mut bytes: AnswerBytes, is_end: bool) -> Vec<Sent> {
        self.pending.append(&mut bytes.bytes);
        self.marks.extend(bytes.marks);
        let (mut sent, mut at) = (Vec::new(), 0);
        loop {
            let white_space = self.pending[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            at += white_space;
            match step(&self.pending[at..], is_end) {
                Step::Object(object, length) => {
                    at += length;
                    sent.push(match WireAnswer::of(&object) {
                        Some(answer) => Sent::Answer(self.timed(answer, self.offset + at as u64)),
                        None => stray(&self.pending[at - length..at]),
                    });
                }
                Step::Stray(length) => {
                    sent.push(stray(&self.pending[at..at + length]));
                    at += length;
                }
                Step::Wait => break,
            }
        }
        self.pending.drain(..at);
        self.offset += at as u64;
        sent
    }

    /// An answer that ends at `end` has the times of the piece that brought its last byte.
    fn timed(&mut self, answer: WireAnswer, end: u64) -> TimedAnswer {
        while self.marks.len() > 1 && self.marks[0].end < end {
            self.marks.pop_front();
        }
        let (read_ns, written_ns) = self.marks.front().map_or((0, 0), |mark| (mark.read_ns, mark.written_ns));
        TimedAnswer { answer, read_ns, written_ns }
    }
}

/// Looks at what begins with a byte that is no white space.
fn step(bytes: &[u8], is_end: bool) -> Step {
    if bytes.is_empty() {
        return Step::Wait;
    }
    let mut objects = Deserializer::from_slice(bytes).into_iter::<Map<String, Value>>();
    match objects.next() {
        Some(Ok(object)) => Step::Object(object, objects.byte_offset()),
        Some(Err(error)) if error.is_eof() && !is_end && bytes.len() < MAX_ANSWER_BYTES => Step::Wait,
        _ => match memchr::memchr(b'\n', bytes) {
            Some(end) => Step::Stray(end),
            None if is_end || bytes.len() >= MAX_ANSWER_BYTES => Step::Stray(bytes.len()),
            None => Step::Wait,
        },
    }
}

fn stray(line: &[u8]) -> Sent {
    Sent::Stray(line[..line.len().min(SHOWN_BYTES)].escape_ascii().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The answers' numbers and the stray lines in pieces that pass at 10, 20, …
    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let (mut bytes, mut reader, mut all) = (AnswerBytes::default(), AnswerReader::default(), Vec::new());
        for (n, piece) in pieces.iter().enumerate() {
            let read_ns = n as u64 * 10 + 10;
            bytes.feed(piece, Passed { read_ns, written_ns: read_ns + 1, ..Passed::default() });
            all.extend(reader.read(bytes.take(), n + 1 == pieces.len()));
        }
        let words = |sent| match sent {
            Sent::Answer(sent) => format!("{} at {}", sent.answer.id, sent.read_ns),
            Sent::Stray(line) => line,
        };
        all.into_iter().map(words).collect()
    }

    #[test]
    fn answers_need_no_lines_and_have_the_time_of_their_last_byte() {
        assert_eq!(read(&[b"{\"ID\":1}{\"ID\":", b"2}\n{\n\"ID\": 3", b"\n}"]), ["1 at 10", "2 at 20", "3 at 30"]);
    }

    #[test]
    fn what_is_no_answer_is_a_stray_line_and_the_next_line_is_read() {
        let read = read(&[b"starting \x1b\n{\"ID\":1}\n\"text\"\n[1]\n{\"ID\":\"x\"}\n{\"ID\":2}\n{\"ID"]);
        assert_eq!(
            read,
            ["starting \\x1b", "1 at 10", "\\\"text\\\"", "[1]", "{\\\"ID\\\":\\\"x\\\"}", "2 at 10", "{\\\"ID"]
        );
        let long = vec![b'x'; 5000];
        assert_eq!(super::tests::read(&[&long])[0].len(), SHOWN_BYTES);
    }

    proptest! {
        #[test]
        fn answers_are_the_same_however_they_are_cut(cuts in vec(0..58_usize, 0..12)) {
            let text = b"{\"ID\":0,\"KnownCommands\":[]}\nnoise\n{\"ID\":1,\"Err\":\"}\\\"\"}{}\n\n";
            let mut cuts = cuts;
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let read = read(&pieces);
            let words: Vec<_> = read.iter().map(|sent| sent.split(" at").next().unwrap()).collect();
            prop_assert_eq!(words, ["0", "noise", "1", "0"]);
        }

        #[test]
        fn no_bytes_break_it(pieces in vec(vec(prop_oneof![any::<u8>(), Just(b'{'), Just(b'"'), Just(b'\n'), Just(b'}')], 0..40), 1..10)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            read(&pieces);
        }
    }
}
