//! The backend as a process that the test talks to itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64_simd::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::Value;

/// A running backend with its pipes.
pub struct Backend {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    pub stdout: BufReader<ChildStdout>,
}

impl Backend {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, Vec::new())
    }

    pub fn start_with(folder: &Path, arguments: &[&str], variables: Vec<(&str, String)>) -> Self {
        let mut command = super::cacheprog();
        command.args(arguments).current_dir(folder).env("TMPDIR", folder).envs(variables);
        Self::start_command(command)
    }

    pub fn start_command(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut backend = Self { child, stdin, stdout };
        assert_eq!(backend.answer()["KnownCommands"], serde_json::json!(["get", "put", "close"]));
        backend
    }

    pub fn send(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut said = String::new();
            let _ = self.child.kill();
            let _ = self.child.stderr.take().unwrap().read_to_string(&mut said);
            panic!("{line:?}: {error}; it said {said}")
        })
    }

    pub fn put(&mut self, id: i64, action: u8, body: &[u8]) -> Value {
        self.send(&put_text(id, action, body, &output_of(body)));
        self.answer()
    }

    pub fn get(&mut self, id: i64, action: u8) -> Value {
        self.send(&format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", wire(action)));
        self.answer()
    }

    /// Sends a close and takes its answer: from here on go goes on.
    pub fn close(&mut self, id: i64) {
        self.send(&format!("{{\"ID\":{id},\"Command\":\"close\"}}\n\n"));
        assert_eq!(self.answer()["ID"], id);
    }

    /// Ends the input; returns the exit code, the rest of stdout and stderr.
    pub fn end(mut self) -> (Option<i32>, String, String) {
        drop(self.stdin.take());
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

pub fn wire(action: u8) -> String {
    STANDARD.encode_to_string([action; 32])
}

pub fn output_of(body: &[u8]) -> String {
    STANDARD.encode_to_string(digest(&SHA256, body))
}

pub fn put_text(id: i64, action: u8, body: &[u8], output: &str) -> String {
    let action = wire(action);
    let head = format!("{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\"");
    if body.is_empty() {
        return format!("{head}}}\n\n");
    }
    format!("{head},\"BodySize\":{}}}\n\n\"{}\"\n", body.len(), STANDARD.encode_to_string(body))
}
