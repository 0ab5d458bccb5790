//! The workshop's metadata object: which output an action gave, as JSON under `<ActionID with / as ->-a.json`.

use serde::{Deserialize, Serialize};

use crate::cache::local::folder::names::data_file_name;
use crate::cache::local::index::entry::Entry;
use crate::protocol::{ActionId, OutputId};

/// Largest metadata object that is read, bytes. A real one has below 120.
pub const MAX_METADATA_BYTES: usize = 4 << 10;

/// As Step 2.1 names the fields. The workshop's Go program leaves out a field that is empty or 0.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    #[serde(rename = "OutputID")]
    output_id: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    time_nanos: i64,
}

/// Why a metadata object is not used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// No JSON object of this form.
    #[error("metadata that cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The output is not 32 bytes of base64.
    #[error("metadata with an OutputID that is not 32 bytes of base64")]
    OutputId,
}

/// The object's content.
pub fn encode(entry: &Entry) -> Vec<u8> {
    let metadata = Metadata { output_id: entry.output.to_wire(), size: entry.size_bytes, time_nanos: entry.time_ns };
    serde_json::to_vec(&metadata).expect("plain fields always serialize")
}

/// Reads the object's content.
///
/// # Errors
/// [`MetadataError`].
pub fn decode(json: &[u8]) -> Result<Entry, MetadataError> {
    let metadata: Metadata = serde_json::from_slice(json)?;
    let output = OutputId::from_wire(&metadata.output_id).ok_or(MetadataError::OutputId)?;
    Ok(Entry { output, size_bytes: metadata.size, time_ns: metadata.time_nanos })
}

/// Key of an action's metadata, without the configured prefix.
pub fn metadata_key(action: &ActionId) -> String {
    action.escaped() + "-a.json"
}

/// Key of an output's body, without the configured prefix.
pub fn data_key(output: &OutputId) -> String {
    data_file_name(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_the_workshop_does() {
        let id = "//////////////////////////////////////////8=";
        let entry = Entry { output: OutputId::new([0xff; 32]), size_bytes: 5, time_ns: 7 };
        let json = format!(r#"{{"OutputID":"{id}","Size":5,"TimeNanos":7}}"#);
        assert_eq!(encode(&entry), json.as_bytes());
        assert_eq!(decode(json.as_bytes()).unwrap(), entry);
        let empty = decode(format!(r#"{{"OutputID":"{id}","TimeNanos":7}}"#).as_bytes()).unwrap();
        assert_eq!(empty.size_bytes, 0);
        assert_eq!(metadata_key(&ActionId::new([0xff; 32])), format!("{}8=-a.json", "-".repeat(42)));
        assert_eq!(data_key(&entry.output), format!("{}8=-d", "-".repeat(42)));
    }

    #[test]
    fn foreign_objects_are_refused() {
        for json in ["", "{}", r#"{"OutputID":"abc","Size":1}"#, r#"{"OutputID":7}"#, "[]"] {
            assert!(decode(json.as_bytes()).is_err(), "{json}");
        }
    }
}
