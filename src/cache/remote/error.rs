//! Why the remote gave nothing, and what that says about it.

use crate::cache::local::body_file::CommitError;
use crate::cache::remote::metadata::MetadataError;
use crate::cache::remote::purpose::Purpose;
use crate::cache::remote::s3_client::error::S3Error;

/// Why an operation gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The circuit is open.
    #[error("the remote is off: {0}")]
    Off(std::sync::Arc<str>),
    /// The store did not do it.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// An object that is no metadata.
    #[error("{key}: {error}")]
    Metadata {
        /// Its key.
        key: String,
        /// The reason.
        error: MetadataError,
    },
    /// A body that is not what its metadata says, or a local disk that does not take it.
    #[error("{key}: {error}")]
    Body {
        /// Its key.
        key: String,
        /// The reason.
        error: CommitError,
    },
    /// An object of another size than its metadata says.
    #[error("{key} has {got_bytes} bytes or more, not {expected_bytes}")]
    Size {
        /// Its key.
        key: String,
        /// Bytes announced, or received so far.
        got_bytes: u64,
        /// Bytes that the metadata says.
        expected_bytes: u64,
    },
    /// A body that was to be uploaded and is not in the local store any more.
    #[error("{key} is not in the local store any more")]
    Gone {
        /// Its key.
        key: String,
    },
    /// A request that was under way for longer than go is made to wait.
    #[error("{key} was not done after {seconds} s")]
    TooSlow {
        /// Its key.
        key: String,
        /// The limit.
        seconds: u64,
    },
}

/// S3's codes for a key that is wrong, whatever it asks for. Any other denial is one of a right.
const WRONG_KEY: [&str; 12] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidSecurity",
    "NotSignedUp",
    "AccountProblem",
    "RequestTimeTooSkewed",
    "InvalidClientTokenId",
    "XAdminNoSuchUser",
    "XAdminUserNotFound",
];

impl RemoteError {
    /// True if the remote answered at all.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::S3(error) => {
                !matches!(error, S3Error::Unreachable { .. } | S3Error::Timeout { .. } | S3Error::Other { .. })
            }
            Self::Metadata { .. } | Self::Body { .. } | Self::Size { .. } => true,
            Self::Off(_) | Self::Gone { .. } | Self::TooSlow { .. } => false,
        }
    }

    /// True if no request can work with these settings: a wrong key, or a bucket that is missing.
    pub(super) fn is_wrong_setting(&self) -> bool {
        match self {
            // 401 says that the key was not recognized, 403 that it was.
            Self::S3(S3Error::AccessDenied { status, code, .. }) => {
                *status == 401 || WRONG_KEY.contains(&code.as_str())
            }
            Self::S3(S3Error::NoSuchBucket { .. }) => true,
            _ => false,
        }
    }

    /// True if the key has no right to this.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::S3(S3Error::AccessDenied { .. })) && !self.is_wrong_setting()
    }

    /// True if a listing that gave this will not be had later either.
    pub fn denies_listing(&self) -> bool {
        self.is_answer() && !self.is_passing() && !self.is_wrong_setting()
    }

    /// True if trying again can help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::S3(S3Error::Throttled { .. } | S3Error::Timeout { .. } | S3Error::Unreachable { .. }) => true,
            Self::S3(S3Error::Truncated { .. }) => true,
            // S3 says 400 RequestTimeout to an upload that stalled.
            Self::S3(S3Error::Status { status, code, .. }) => {
                *status >= 500 || *status == 408 || code == "RequestTimeout"
            }
            _ => false,
        }
    }

    /// True if the remote answered, and what it answered may be different soon.
    pub fn is_passing_answer(&self) -> bool {
        self.is_passing() && matches!(self, Self::S3(S3Error::Throttled { .. } | S3Error::Status { .. }))
    }

    /// True if it took a time limit to notice.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::S3(S3Error::Timeout { .. }) | Self::TooSlow { .. })
    }

    /// True if this object can never be sent: it is not in the local store any more, or larger than the remote, or a proxy in
    /// front of it, takes.
    pub fn refuses_object(&self) -> bool {
        match self {
            Self::Gone { .. } | Self::S3(S3Error::TooLarge { .. }) => true,
            Self::S3(S3Error::Status { status, code, .. }) => *status == 413 || code == "EntityTooLarge",
            _ => false,
        }
    }

    /// True if the object is in an archive, which does not give it out.
    pub(super) fn is_archived(&self) -> bool {
        matches!(self, Self::S3(S3Error::AccessDenied { code, .. }) if code == "InvalidObjectState")
    }

    /// True if the remote itself is in trouble, not just one object in it: damaged objects heal with the next put.
    pub(super) fn is_of_the_remote(&self, purpose: Purpose) -> bool {
        if self.refuses_object() {
            return false;
        }
        match self {
            // One object may be another account's, or need another key of the store's.
            Self::S3(S3Error::AccessDenied { .. }) => !purpose.is_download(),
            Self::S3(S3Error::NoSuchKey { .. }) => false,
            Self::Metadata { .. } | Self::Body { .. } => false,
            Self::Size { .. } | Self::Gone { .. } | Self::Off(_) => false,
            // Sixteen uploads at once may all be told to slow down, and do so.
            Self::S3(S3Error::Throttled { .. }) => !matches!(purpose, Purpose::Upload(_)),
            Self::S3(_) | Self::TooSlow { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::remote::purpose::Attempt;
    use std::time::Duration;

    const UPLOAD: Purpose =
        Purpose::Upload(Attempt { limit: Duration::ZERO, is_last: true, go_waits: false, is_large: false });

    fn status(status: u16, code: &str) -> RemoteError {
        S3Error::Status { endpoint: String::new(), tried: String::new(), status, code: code.to_owned() }.into()
    }

    fn denied(status: u16, code: &str) -> RemoteError {
        S3Error::AccessDenied { endpoint: String::new(), tried: String::new(), status, code: code.to_owned() }.into()
    }

    #[test]
    fn an_object_that_is_too_large_says_nothing_of_the_remote() {
        let too_large = S3Error::TooLarge { tried: String::new(), limit_bytes: 5 << 30 };
        for error in [status(413, ""), status(400, "EntityTooLarge"), too_large.into()] {
            assert!(error.refuses_object() && !error.is_of_the_remote(UPLOAD) && !error.is_passing(), "{error}");
        }
        assert!(!status(400, "BadRequest").refuses_object() && status(400, "BadRequest").is_of_the_remote(UPLOAD));
    }

    #[test]
    fn a_denial_is_of_one_object_unless_it_is_of_the_key() {
        for code in ["AccessDenied", "InvalidObjectState", "KMS.DisabledException"] {
            assert!(denied(403, code).is_denied() && !denied(403, code).is_of_the_remote(Purpose::Download), "{code}");
        }
        for error in [denied(401, "Unauthorized"), denied(403, "InvalidAccessKeyId"), denied(400, "ExpiredToken")] {
            assert!(error.is_wrong_setting() && !error.is_denied() && !error.denies_listing(), "{error}");
        }
    }
}
