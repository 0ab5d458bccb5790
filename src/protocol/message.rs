//! Requests and responses: the JSON objects of the wire, read and written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;

use crate::protocol::error::ProtocolError;
use crate::protocol::id::{ActionId, Id, OutputId};

/// One request of go, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number that the answer has to carry; go counts from 1.
    pub id: i64,
    /// The command.
    pub command: Command,
}

/// The command of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Is there an output for this action?
    Get {
        /// The action asked for.
        action: ActionId,
    },
    /// Keep this output for this action.
    Put {
        /// The action that made the output.
        action: ActionId,
        /// SHA-256 of the body.
        output: OutputId,
        /// Bytes of the body before base64; 0 means that no body follows.
        body_bytes: u64,
    },
    /// The session is over.
    Close,
    /// A command of a later protocol, to be answered with an error.
    Unknown {
        /// Its name.
        name: String,
        /// Bytes of its body, which has to be drained.
        body_bytes: u64,
    },
}

impl Command {
    /// Bytes of the body that follows the header, before base64.
    pub fn body_bytes(&self) -> u64 {
        match self {
            Command::Put { body_bytes, .. } | Command::Unknown { body_bytes, .. } => *body_bytes,
            Command::Get { .. } | Command::Close => 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header<'a> {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(borrow)]
    command: std::borrow::Cow<'a, str>,
    #[serde(rename = "ActionID", borrow, default)]
    action_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(rename = "OutputID", borrow, default)]
    output_id: Option<std::borrow::Cow<'a, str>>,
    /// Its name before Go 1.24, still sent by golangci-lint's fork of cmd/go; some releases send both.
    #[serde(rename = "ObjectID", borrow, default)]
    object_id: Option<std::borrow::Cow<'a, str>>,
    #[serde(default)]
    body_size: Option<u64>,
}

impl Request {
    /// Reads a header line.
    ///
    /// # Errors
    /// [`ProtocolError::Header`] when it is no JSON object, lacks a field that its command needs, or holds an id
    /// that is not 32 bytes of base64.
    pub fn parse(line: &[u8]) -> Result<Self, ProtocolError> {
        let header: Header<'_> = serde_json::from_slice(line).map_err(|e| ProtocolError::Header(e.to_string()))?;
        let body_bytes = header.body_size.unwrap_or(0);
        let command = match header.command.as_ref() {
            "get" => Command::Get { action: id(header.action_id, "ActionID")? },
            "put" => Command::Put {
                action: id(header.action_id, "ActionID")?,
                output: id(header.output_id.or(header.object_id), "OutputID")?,
                body_bytes,
            },
            "close" => Command::Close,
            other => Command::Unknown { name: other.to_owned(), body_bytes },
        };
        Ok(Self { id: header.id, command })
    }
}

fn id<K>(text: Option<std::borrow::Cow<'_, str>>, field: &str) -> Result<Id<K>, ProtocolError> {
    let text = text.ok_or_else(|| ProtocolError::Header(format!("{field} is missing")))?;
    Id::from_wire(&text).ok_or_else(|| ProtocolError::Header(format!("{field} is not 32 bytes of padded base64")))
}

/// One answer to go. Fields that are not set are not written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response<'a> {
    /// The request's number; 0 in the handshake.
    #[serde(rename = "ID")]
    pub id: i64,
    /// The error. A silent miss in the answer to a get, can fail the build in any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub err: Option<&'a str>,
    /// In the handshake only: the commands that this backend answers.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub known_commands: &'a [&'static str],
    /// Answer to a get: there is no output.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub miss: bool,
    /// SHA-256 of the body, as padded base64.
    #[serde(rename = "OutputID", skip_serializing_if = "Option::is_none")]
    pub output_id: Option<String>,
    /// Bytes of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When the output was first put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Absolute path of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_path: Option<&'a Path>,
}

impl Response<'_> {
    /// The first line of a session, before any request.
    pub const HANDSHAKE: Response<'static> = Response {
        id: 0,
        err: None,
        known_commands: &["get", "put", "close"],
        miss: false,
        output_id: None,
        size: None,
        time: None,
        disk_path: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn reads_what_go_sends() {
        let get = Request::parse(format!(r#"{{"ID":1,"Command":"get","ActionID":"{A}"}}"#).as_bytes());
        let action = ActionId::from_wire(A).unwrap();
        assert_eq!(get.unwrap(), Request { id: 1, command: Command::Get { action } });
        for name in ["OutputID", "ObjectID"] {
            let line = format!(r#"{{"ID":2,"Command":"put","ActionID":"{A}","{name}":"{A}","BodySize":7}}"#);
            let output = OutputId::from_wire(A).unwrap();
            let put = Command::Put { action, output, body_bytes: 7 };
            assert_eq!(Request::parse(line.as_bytes()).unwrap().command, put);
        }
        assert_eq!(Request::parse(br#"{"ID":3,"Command":"close"}"#).unwrap().command, Command::Close);
    }

    #[test]
    fn later_commands_are_kept_with_their_body() {
        let request = Request::parse(br#"{"ID":3,"Command":"trim","BodySize":9,"New":[1]}"#).unwrap();
        assert_eq!(request.command, Command::Unknown { name: "trim".into(), body_bytes: 9 });
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (line, word) in [
            (r#"{"ID":1,"Command":"get"}"#, "ActionID is missing"),
            (r#"{"ID":1,"Command":"get","ActionID":"AAAA"}"#, "ActionID is not 32 bytes"),
            (r#"{"Command":"get"}"#, "ID"),
            (r#"garbage"#, "expected value"),
            (r#"{"ID":1,"Command":"put","BodySize":-1}"#, "invalid value"),
        ] {
            let error = Request::parse(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(word), "{line}: {error}");
        }
    }

    #[test]
    fn writes_what_go_reads() {
        assert_eq!(
            serde_json::to_string(&Response::HANDSHAKE).unwrap(),
            r#"{"ID":0,"KnownCommands":["get","put","close"]}"#
        );
        let hit = Response {
            id: 7,
            output_id: Some(A.into()),
            size: Some(0),
            time: Some(Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap()),
            disk_path: Some(Path::new("/x/y-d")),
            ..Response::default()
        };
        assert_eq!(
            serde_json::to_string(&hit).unwrap(),
            format!(
                r#"{{"ID":7,"OutputID":"{A}","Size":0,"Time":"2023-11-14T22:13:20.123456789Z","DiskPath":"/x/y-d"}}"#
            )
        );
        let miss = Response { id: 8, miss: true, ..Response::default() };
        assert_eq!(serde_json::to_string(&miss).unwrap(), r#"{"ID":8,"Miss":true}"#);
    }
}
