//! The defects towards go that flags of the Go backends switch on.

use std::fs::read_to_string;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::backend::{Backend, output_of, put_text};
use crate::common::backends::program;
use crate::common::stderr;

/// `plain` with flags, and with a store of its own in `folder`.
pub fn command(folder: &Path, flags: &str) -> Command {
    let mut command = Command::new(program("plain"));
    command.args(flags.split_whitespace()).current_dir(folder).env("CACHE_DIR", folder.join("store"));
    for name in ["S3_ENDPOINT", "S3_REGION", "S3_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command
}

/// What `plain` writes to stdout and stderr, and its exit code, for an input.
fn session(flags: &str, input: &str) -> (String, String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), flags);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has exited already takes no input.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output), output.status.code())
}

const HANDSHAKE: &str = "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n";
const CLOSE: &str = "{\"ID\":7,\"Command\":\"close\"}\n\n";

#[test]
fn defects_of_the_protocol() {
    let after_handshake = |flags: &str, input: &str| {
        let (out, _, code) = session(flags, input);
        assert_eq!(code, Some(0), "{flags}: {out}");
        out.strip_prefix(HANDSHAKE).unwrap_or_else(|| panic!("{flags}: {out}")).to_owned()
    };
    assert_eq!(session("", CLOSE), (format!("{HANDSHAKE}{{\"ID\":7}}\n"), "CacheProg used.\n".to_owned(), Some(0)));
    assert_eq!(session("", ""), (HANDSHAKE.to_owned(), String::new(), Some(0)), "end of input is an end too");
    assert_eq!(session("-no-handshake", CLOSE), (String::new(), String::new(), Some(0)));
    let (out, said, code) = session("-exit-at-once", CLOSE);
    assert_eq!((out.as_str(), said.lines().count(), code), ("", 1, Some(3)));
    let (out, ..) = session("-garbage", CLOSE);
    assert!(!out.is_empty() && serde_json::from_str::<serde_json::Value>(&out).is_err(), "{out}");
    assert_eq!(after_handshake("-slow-handshake 10ms", CLOSE), "{\"ID\":7}\n");
    assert_eq!(after_handshake("-no-close-answer", CLOSE), "");
    assert_eq!(after_handshake("-stdout-open 10ms", CLOSE), "{\"ID\":7}\n");
    let logged = after_handshake("-log-on-stdout", CLOSE);
    assert!(logged.contains(" INFO ") && logged.ends_with("\n{\"ID\":7}\n"), "{logged}");
    assert_eq!(after_handshake("-unknown-id", CLOSE), "{\"ID\":1099511627776,\"Miss\":true}\n{\"ID\":7}\n");
    let put = put_text(1, 1, b"body", &output_of(b"body"));
    let failed = after_handshake("-err-on-put", &put);
    assert!(failed.contains("\"Err\":") && !failed.contains("DiskPath"), "{failed}");
    let relative = after_handshake("-relative-diskpath", &put);
    assert!(relative.contains("\"DiskPath\":\"store/"), "{relative}");
}

#[test]
fn a_second_put_of_an_action_wins_unless_it_is_ignored() {
    for (flags, kept) in [("", "second"), ("-ignore-reput", "first")] {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = Backend::start_command(command(folder.path(), flags));
        for (id, body) in [(1, "first"), (2, "second")] {
            let answer = backend.put(id, 1, body.as_bytes());
            assert_eq!(read_to_string(answer["DiskPath"].as_str().unwrap()).unwrap(), body);
        }
        let hit = backend.get(3, 1);
        assert_eq!(read_to_string(hit["DiskPath"].as_str().unwrap()).unwrap(), kept, "{flags}");
        assert_eq!(
            (hit["OutputID"].as_str(), hit["Size"].as_u64()),
            (Some(&*output_of(kept.as_bytes())), Some(kept.len() as u64))
        );
    }
}
