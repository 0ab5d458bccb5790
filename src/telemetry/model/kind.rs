//! The kinds of requests.

use std::fmt;
use std::str::FromStr;

/// Kind of a request, by go's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    Get,
    Put,
    Close,
    /// A command of a later protocol.
    Unknown,
}

impl RequestKind {
    const ALL: [Self; 4] = [Self::Get, Self::Put, Self::Close, Self::Unknown];

    /// The name in all records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Close => "close",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RequestKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| format!("{name:?} is no kind of request"))
    }
}
