//! What is seen of a GOCACHEPROG program from outside, between go and it. All moments are nanoseconds since the session's start.

use serde::{Deserialize, Serialize};

/// A program and how it kept to the protocol. `None` is what did not happen, or could not be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProgramSeen {
    /// The program as it was named, without its arguments: they may hold a secret.
    pub program: String,
    /// Its process; `None` if it could not be started.
    pub pid: Option<u32>,
    /// When its handshake had been passed on to go.
    pub handshake_ns: Option<u64>,
    /// The commands that its handshake named.
    pub known_commands: Vec<String>,
    /// Bytes from go, and to go.
    pub bytes_from_go: u64,
    pub bytes_to_go: u64,
    /// Lines on its stdout that are no answer: each ends the build.
    pub stray_lines: u64,
    /// The first of them: at most 200 bytes, escaped.
    pub first_stray_line: Option<String>,
    /// Answers to numbers that no open request had: each ends the build.
    pub unknown_ids: u64,
    /// The number in the first of them.
    pub first_unknown_id: Option<i64>,
    /// Requests of go that are not of the protocol as we know it.
    pub unreadable_requests: u64,
    /// Requests that were never answered, the close among them.
    pub unanswered: u64,
    /// Answers that were given before that of an older request.
    pub out_of_order: u64,
    /// Most requests that were open at the same time.
    pub most_open: u64,
    /// Hits and puts that were answered without a `DiskPath`: go takes such a hit for a miss, and such a put for an error.
    pub without_disk_path: u64,
    /// Answers with a relative `DiskPath`: tools that run in other folders do not find it.
    pub relative_disk_paths: u64,
    /// The first of them.
    pub first_relative_disk_path: Option<String>,
    /// How long its stdin was full, so that go had to wait.
    pub stdin_blocked_ns: u64,
    /// The longest time of these at a stretch.
    pub longest_stdin_block_ns: u64,
    /// When the program closed its stdin, by itself or by its end, before go ended the input. After the close that is no error.
    pub stdin_closed_ns: Option<u64>,
    /// When go's close came; `None` if go sent none.
    pub close_ns: Option<u64>,
    /// When the answer to it had been passed on.
    pub close_answered_ns: Option<u64>,
    /// When go ended the input.
    pub stdin_end_ns: Option<u64>,
    /// When the program ended its output, by itself or by its end: go goes on then.
    pub stdout_end_ns: Option<u64>,
    /// When it was seen to have ended.
    pub exit_ns: Option<u64>,
    /// How it ended; `None` if it still runs, or could not be started.
    pub exit: Option<ProgramExit>,
    /// The error, if it could not be started.
    pub start_error: Option<String>,
    /// True if go was gone before the program ended its output.
    pub outlived_go: bool,
    /// Processes that it started and that still run; the program itself too, if it does.
    pub left_running: Vec<LeftProcess>,
    /// Signals that came.
    pub signals: Vec<i32>,
    /// CPU time that the relay used until go was released.
    pub relay_cpu_ns: Option<u64>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProgramExit {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A process that was left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftProcess {
    pub pid: u32,
    /// Its name as the kernel has it, at most 15 characters: arguments may hold a secret.
    pub name: String,
}
