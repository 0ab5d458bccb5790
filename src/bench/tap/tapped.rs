//! What the threads of the tap share: the bytes that have passed, and when each side ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::tap::answer_stream::AnswerBytes;
use crate::tap::request_stream::RequestStream;

/// The two directions, and moments in nanoseconds since the session's start.
#[derive(Debug, Default)]
pub struct Tapped {
    requests: Mutex<RequestStream>,
    answers: Mutex<AnswerBytes>,
    /// When go ended the input.
    pub stdin_end_ns: OnceLock<u64>,
    /// When the program closed its stdin before that.
    pub stdin_closed_ns: OnceLock<u64>,
    /// When the program ended its output.
    pub stdout_end_ns: OnceLock<u64>,
    /// Signals that came.
    pub signals: Mutex<Vec<i32>>,
    /// True once the program has been waited for: its number may be another's.
    pub is_reaped: AtomicBool,
    /// The line that is printed before go goes on, until it is printed.
    last_line: Mutex<Option<String>>,
}

impl Tapped {
    /// The bytes from go.
    pub fn requests(&self) -> MutexGuard<'_, RequestStream> {
        self.requests.lock().expect("no thread of the tap panics")
    }

    /// The bytes to go.
    pub fn answers(&self) -> MutexGuard<'_, AnswerBytes> {
        self.answers.lock().expect("no thread of the tap panics")
    }

    /// Keeps a line for the end.
    pub fn keep_last_line(&self, line: String) {
        *self.last_line.lock().expect("no thread of the tap panics") = Some(line);
    }

    /// Prints that line, once.
    pub fn print_last_line(&self) {
        let line = self.last_line.lock().expect("no thread of the tap panics").take();
        line.iter().for_each(gocacheprog::note::line);
    }

    /// Notes that the program has been waited for.
    pub fn set_reaped(&self) {
        self.is_reaped.store(true, Ordering::SeqCst);
    }
}
