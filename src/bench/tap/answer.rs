//! One answer of a program, read as go reads it.

use gocacheprog::protocol::OutputId;
use serde_json::{Map, Value};

/// The fields that go reads. One that is missing is as if it were empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireAnswer {
    pub id: i64,
    pub err: String,
    pub known_commands: Vec<String>,
    pub is_miss: bool,
    pub output: Option<OutputId>,
    pub size: u64,
    pub disk_path: String,
}

impl WireAnswer {
    /// Takes the fields of a JSON object; `None` if one has a type for which go would end the build.
    pub fn of(object: &Map<String, Value>) -> Option<WireAnswer> {
        let mut answer = WireAnswer::default();
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            // Go's decoder does not look at the case of names.
            match name.to_ascii_lowercase().as_str() {
                "id" => answer.id = value.as_i64()?,
                "err" => answer.err = value.as_str()?.to_owned(),
                "miss" => answer.is_miss = value.as_bool()?,
                "size" => answer.size = value.as_i64()?.max(0).cast_unsigned(),
                "diskpath" => answer.disk_path = value.as_str()?.to_owned(),
                "outputid" => answer.output = OutputId::from_wire(value.as_str()?),
                "knowncommands" => {
                    let names = value.as_array()?.iter().map(|name| Some(name.as_str()?.to_owned()));
                    answer.known_commands = names.collect::<Option<_>>()?;
                }
                _ => {}
            }
        }
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<WireAnswer> {
        WireAnswer::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn names_are_read_in_any_case_and_others_passed_over() {
        let hit = read(r#"{"id":7,"Size":5,"diskPath":"/x","Time":"2026-01-02T03:04:05Z","New":[1],"Err":null}"#);
        let expected = WireAnswer { id: 7, size: 5, disk_path: "/x".to_owned(), ..WireAnswer::default() };
        assert_eq!(hit, Some(expected));
        assert_eq!(read("{}"), Some(WireAnswer::default()));
        let handshake = read(r#"{"ID":0,"KnownCommands":["get","close"]}"#).unwrap();
        assert_eq!(handshake.known_commands, ["get", "close"]);
    }

    #[test]
    fn a_field_of_another_type_is_no_answer() {
        for wrong in [r#"{"ID":"7"}"#, r#"{"Miss":1}"#, r#"{"KnownCommands":[1]}"#, r#"{"Err":{}}"#] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
