//! Why the `S3_` variables name no remote.

/// Why the `S3_` variables do not name a remote. Never carries the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3ConfigError {
    /// Variables that a remote needs beside S3_ENDPOINT, and that are not set, or set to nothing.
    #[error("there is no remote: {}", incomplete(.missing, .empty))]
    Incomplete { missing: Vec<&'static str>, empty: Vec<&'static str> },
    /// A value that cannot be used.
    #[error("there is no remote: {name} {reason}")]
    Unusable { name: &'static str, reason: &'static str },
}

impl S3ConfigError {
    /// The error as a paragraph for a person: what happened, what was tried, what to do next.
    pub fn report(&self) -> String {
        let next = match self {
            Self::Incomplete { .. } => "set what is missing, or run `bench s3` and export what it prints",
            Self::Unusable { .. } => "correct the variable",
        };
        format!("{self}\n  tried: to read the S3_ variables\n  next:  {next}")
    }
}

fn incomplete(missing: &[&str], empty: &[&str]) -> String {
    let set = |names: &[&str], state: &str| {
        let verb = if names.len() == 1 { "is" } else { "are" };
        format!("{} {verb} {state}", names.join(" and "))
    };
    match (missing, empty) {
        (missing, []) => format!("S3_ENDPOINT is set, but {}", set(missing, "not set")),
        ([], empty) => format!("{} (in CI, pull requests from forks get no secrets)", set(empty, "empty")),
        (missing, empty) => format!("{}, {}", set(missing, "not set"), set(empty, "empty")),
    }
}
