//! Why the remote gave nothing, and what that says about it.

use super::super::body_file::CommitError;
use super::super::metadata::MetadataError;
use super::super::s3_client::S3Error;
use super::Purpose;

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
        /// What is wrong with it.
        error: MetadataError,
    },
    /// A body that is not what its metadata says, or a local disk that does not take it.
    #[error("{key}: {error}")]
    Body {
        /// Its key.
        key: String,
        /// What is wrong.
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
    /// Whether the remote answered at all.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::S3(error) => {
                !matches!(error, S3Error::Unreachable { .. } | S3Error::Timeout { .. } | S3Error::Other { .. })
            }
            Self::Metadata { .. } | Self::Body { .. } | Self::Size { .. } => true,
            Self::Off(_) | Self::Gone { .. } | Self::TooSlow { .. } => false,
        }
    }

    /// Whether no request can work with these settings: a wrong key, or a bucket that is missing.
    pub(super) fn is_wrong_setting(&self) -> bool {
        match self {
            Self::S3(S3Error::AccessDenied { code, .. }) => WRONG_KEY.contains(&code.as_str()),
            Self::S3(S3Error::NoSuchBucket { .. }) => true,
            _ => false,
        }
    }

    /// Whether the key has no right to this.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::S3(S3Error::AccessDenied { .. })) && !self.is_wrong_setting()
    }

    /// Whether a listing that gave this will not be had later either.
    pub fn denies_listing(&self) -> bool {
        self.is_answer() && !self.is_passing() && !self.is_wrong_setting()
    }

    /// Whether trying again can help.
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

    /// Whether the remote answered, and what it answered may be different soon.
    pub fn is_passing_answer(&self) -> bool {
        self.is_passing() && matches!(self, Self::S3(S3Error::Throttled { .. } | S3Error::Status { .. }))
    }

    /// Whether it took a time limit to notice.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::S3(S3Error::Timeout { .. }) | Self::TooSlow { .. })
    }

    /// Whether the remote itself is in trouble, not just one object in it: damaged objects heal with the next put.
    pub(super) fn is_of_the_remote(&self, purpose: Purpose) -> bool {
        match self {
            Self::S3(S3Error::NoSuchKey { .. } | S3Error::TooLarge { .. }) => false,
            Self::Metadata { .. } | Self::Body { .. } => false,
            Self::Size { .. } | Self::Gone { .. } | Self::Off(_) => false,
            // Sixteen uploads at once may all be told to slow down, and do so.
            Self::S3(S3Error::Throttled { .. }) => !matches!(purpose, Purpose::Upload(_)),
            Self::S3(_) | Self::TooSlow { .. } => true,
        }
    }
}
