//! Reads TOML so that an error names the line, the key and, for a mistyped name, the nearest known one. serde hands all of that
//! to its error type, as values; that of the `toml` crate keeps only a sentence.

use std::borrow::Cow;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::suggest::suggestion;

/// Reads a value from the text of a TOML file.
///
/// # Errors
/// The number of the line, and what is wrong there.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, (usize, String)> {
    let line = |byte: usize| text[..byte.min(text.len())].matches('\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let word = text.get(span.clone()).filter(|word| !word.is_empty() && !word.contains('\n'));
        let word = word.map(|word| format!(": `{word}`")).unwrap_or_default();
        (line(span.start), format!("{}{word}", error.message()))
    })?;
    let value = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let mistake = |mistake: Mistake| (line(mistake.byte.unwrap_or(0)), mistake.what);
    T::deserialize(Value { key: Cow::Borrowed(""), value }).map_err(mistake)
}

/// An error of a value that is read.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Mistake {
    /// Byte of the text where it is; None until the value around it is known.
    byte: Option<usize>,
    what: String,
    /// True while `what` lacks the key that it is about, at its begin.
    lacks_key: bool,
}

/// A value or a key of a table, and the key that leads to it; empty for the file as a whole.
struct Value<'t> {
    key: Cow<'t, str>,
    value: Spanned<DeValue<'t>>,
}

impl Mistake {
    fn new(what: String, lacks_key: bool) -> Mistake {
        Mistake { byte: None, what, lacks_key }
    }

    /// The mistake with its place and its key, where it does not have them from a value further inside.
    fn at(mut self, byte: usize, key: &str) -> Mistake {
        if self.lacks_key {
            let name = if key.is_empty() { "the scenario".to_owned() } else { format!("`{key}`") };
            self.what = format!("{name} {}", self.what);
        }
        Mistake { byte: self.byte.or(Some(byte)), lacks_key: false, ..self }
    }
}

impl Error for Mistake {
    fn custom<T: std::fmt::Display>(message: T) -> Mistake {
        Mistake::new(message.to_string(), false)
    }

    fn unknown_field(wrong: &str, known: &'static [&'static str]) -> Mistake {
        Mistake::new(format!("unknown key `{wrong}`; {}", suggestion(wrong, known)), false)
    }

    fn unknown_variant(wrong: &str, known: &'static [&'static str]) -> Mistake {
        Mistake::new(format!("unknown value `{wrong}`; {}", suggestion(wrong, known)), false)
    }

    fn missing_field(key: &'static str) -> Mistake {
        Mistake::new(format!("needs the key `{key}`"), true)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Mistake {
        let expected = expected.to_string();
        let hint = if found == Unexpected::Map && expected == "a sequence" { ": write it in [[ ]]" } else { "" };
        Mistake::new(format!("is {}, and must be {}{hint}", value(found), kind(&expected)), true)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Mistake {
        Self::invalid_type(found, expected)
    }
}

fn found<'v>(value: &'v DeValue<'_>) -> Unexpected<'v> {
    match value {
        DeValue::String(text) => Unexpected::Str(text),
        DeValue::Boolean(is) => Unexpected::Bool(*is),
        DeValue::Integer(number) => Unexpected::Other(number.as_str()),
        DeValue::Float(number) => Unexpected::Other(number.as_str()),
        DeValue::Datetime(_) => Unexpected::Other("a date"),
        DeValue::Array(_) => Unexpected::Seq,
        DeValue::Table(_) => Unexpected::Map,
    }
}

fn visit<'de, V: Visitor<'de>>(key: &str, value: DeValue<'_>, visitor: V) -> Result<V::Value, Mistake> {
    let too_large = |_| Mistake::new("is too large a number".to_owned(), true);
    match value {
        DeValue::String(text) => visitor.visit_str(&text),
        DeValue::Boolean(is) => visitor.visit_bool(is),
        DeValue::Integer(number) => {
            visitor.visit_i64(i64::from_str_radix(number.as_str(), number.radix()).map_err(too_large)?)
        }
        DeValue::Float(number) => visitor.visit_f64(number.as_str().parse().map_err(Mistake::custom)?),
        DeValue::Datetime(_) => Err(Mistake::invalid_type(found(&value), &visitor)),
        DeValue::Array(values) => {
            let values = values.into_iter().map(|value| Value { key: key.into(), value });
            visitor.visit_seq(SeqDeserializer::new(values))
        }
        DeValue::Table(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let (span, name) = (key.span(), key.into_inner());
                let key = Value { key: name.clone(), value: Spanned::new(span, DeValue::String(name.clone())) };
                (key, Value { key: name, value })
            });
            visitor.visit_map(MapDeserializer::new(entries))
        }
    }
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let start = self.value.span().start;
        visit(&self.key, self.value.into_inner(), visitor).map_err(|mistake| mistake.at(start, &self.key))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let read = match self.value.get_ref() {
            DeValue::String(text) => visitor.visit_enum(IntoDeserializer::<Mistake>::into_deserializer(text.as_ref())),
            _ => Err(Mistake::invalid_type(found(self.value.get_ref()), &"a string")),
        };
        read.map_err(|mistake| mistake.at(self.value.span().start, &self.key))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Mistake> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A value in words of the file.
fn value(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(is) => is.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => format!("{number:?}"),
        Unexpected::Str(text) => format!("the text {text:?}"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// A type in words of the file.
fn kind(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "f64" => "a number",
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        table if table.starts_with("struct ") => "a table",
        other => other,
    }
}

#[cfg(test)]
#[path = "toml_reader_tests.rs"]
mod tests;
