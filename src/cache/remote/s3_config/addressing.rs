//! `S3_ADDRESSING`: where the bucket's name is in a URL, in the path or in front of the host.

use crate::cache::remote::s3_config::error::S3ConfigError;

/// `S3_ADDRESSING`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Addressing {
    /// [`Virtual`](Self::Virtual) for hosts of Amazon S3 where the bucket's name has no dot, else [`Path`](Self::Path).
    #[default]
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

impl Addressing {
    /// The word of `S3_ADDRESSING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Path => "path",
            Self::Virtual => "virtual",
        }
    }
}

pub(super) fn read(value: Option<String>) -> Result<Addressing, S3ConfigError> {
    let Some(value) = value else { return Ok(Addressing::Auto) };
    let all = [Addressing::Auto, Addressing::Path, Addressing::Virtual];
    let named = all.into_iter().find(|addressing| value.eq_ignore_ascii_case(addressing.as_str()));
    named.ok_or(S3ConfigError::Unusable { name: "S3_ADDRESSING", reason: "is none of auto, path and virtual" })
}
