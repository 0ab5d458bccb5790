//! Variables as people and CI write them: white space from a secret store, nothing at all, bytes that are no text.

use std::ffi::OsString;

use crate::cache::remote::s3_config::error::S3ConfigError;

/// Reads variables through a function.
pub(super) struct Variables<'a> {
    get: &'a dyn Fn(&str) -> Option<OsString>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Variables { get }
    }

    /// The value without the white space around it; `None` when nothing is left.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>, S3ConfigError> {
        let value = self.list(name)?;
        if value.as_ref().is_some_and(|value| value.chars().any(char::is_control)) {
            let reason = "contains a line break or another control character";
            return Err(S3ConfigError::Unusable { name, reason });
        }
        Ok(value)
    }

    /// The value of a variable that may have several lines, without the white space around it; `None` when nothing is left.
    pub(super) fn list(&self, name: &'static str) -> Result<Option<String>, S3ConfigError> {
        let Some(value) = (self.get)(name) else { return Ok(None) };
        let reason = "is not text in UTF-8";
        let value = value.into_string().map_err(|_| S3ConfigError::Unusable { name, reason })?;
        // Some editors and shells of Windows write a byte order mark first.
        let value = value.trim_matches(|at: char| at.is_whitespace() || at == '\u{feff}');
        if value.is_empty() { Ok(None) } else { Ok(Some(value.to_owned())) }
    }

    /// The value of a credential that is sent in a header, without the white space around it.
    pub(super) fn credential(&self, name: &'static str) -> Result<Option<String>, S3ConfigError> {
        let value = self.text(name)?;
        if value.as_ref().is_some_and(|value| !value.is_ascii()) {
            return Err(S3ConfigError::Unusable { name, reason: "contains a character that is not ASCII" });
        }
        Ok(value)
    }

    /// Names those that have no value, and tells apart which are set to nothing.
    pub(super) fn require(&self, names: &[&'static str]) -> Result<(), S3ConfigError> {
        let (mut missing, mut empty) = (Vec::new(), Vec::new());
        for name in names {
            if self.text(name)?.is_some() {
                continue;
            }
            if (self.get)(name).is_some() { empty.push(*name) } else { missing.push(*name) }
        }
        if missing.is_empty() && empty.is_empty() {
            return Ok(());
        }
        Err(S3ConfigError::Incomplete { missing, empty })
    }
}
