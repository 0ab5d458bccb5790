//! Conditions of a request: what has to be true of the object that is there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::header::{ETAG, LAST_MODIFIED};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::s3_server::api::store::Object;

#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// Checks them for a GET or HEAD.
    ///
    /// # Errors
    /// `PreconditionFailed` (412), or `NotModified` (304) with the headers that a cache needs.
    pub(super) fn check_read(&self, object: &Object) -> S3Result<()> {
        self.check_if_match(object)?;
        if self.has_not_changed(object) {
            return Err(not_modified(object));
        }
        Ok(())
    }

    /// Checks them for the source of a copy.
    ///
    /// # Errors
    /// `PreconditionFailed` for all of them.
    pub(super) fn check_source(&self, object: &Object) -> S3Result<()> {
        self.check_if_match(object)?;
        if self.has_not_changed(object) { Err(failed()) } else { Ok(()) }
    }

    /// Checks them for a write over what is there.
    ///
    /// # Errors
    /// `PreconditionFailed`, or `NoSuchKey` where an object has to be there.
    pub(super) fn check_write(&self, current: Option<&Object>) -> S3Result<()> {
        if let Some(condition) = &self.if_match {
            let current = current.ok_or_else(|| s3_error!(NoSuchKey))?;
            if !matches(condition, current) {
                return Err(failed());
            }
        }
        match (&self.if_none_match, current) {
            (Some(condition), Some(current)) if matches(condition, current) => Err(failed()),
            _ => Ok(()),
        }
    }

    /// A matching `If-Match` outweighs the date.
    fn check_if_match(&self, object: &Object) -> S3Result<()> {
        let is_met = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => matches(condition, object),
            (None, Some(since)) => modified(object) <= *since,
            (None, None) => true,
        };
        if is_met { Ok(()) } else { Err(failed()) }
    }

    /// An `If-None-Match` outweighs the date.
    fn has_not_changed(&self, object: &Object) -> bool {
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, object),
            (None, Some(since)) => modified(object) <= *since,
            (None, None) => false,
        }
    }
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(etag) | ETag::Weak(etag)) => *etag == object.etag,
    }
}

/// The conditions of a request that reads an object.
macro_rules! conditions {
    ($input:ident) => {
        Conditions {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        }
    };
}
pub(super) use conditions;

/// The conditions of a request that copies an object, for its source.
macro_rules! source_conditions {
    ($input:ident) => {
        Conditions {
            if_match: $input.copy_source_if_match,
            if_none_match: $input.copy_source_if_none_match,
            if_modified_since: $input.copy_source_if_modified_since,
            if_unmodified_since: $input.copy_source_if_unmodified_since,
        }
    };
}
pub(super) use source_conditions;

/// In whole seconds, as the dates in headers are.
fn modified(object: &Object) -> Timestamp {
    let since_epoch = object.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole: SystemTime = UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs());
    whole.into()
}

fn failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

fn not_modified(object: &Object) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = http::HeaderMap::new();
    if let Ok(etag) = ETag::Strong(object.etag.clone()).to_http_header() {
        headers.insert(ETAG, etag);
    }
    let mut date = Vec::new();
    let written = modified(object).format(s3s::dto::TimestampFormat::HttpDate, &mut date);
    if let (Ok(()), Ok(date)) = (written, http::HeaderValue::from_bytes(&date)) {
        headers.insert(LAST_MODIFIED, date);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3_server::api::details::Details;
    use bytes::Bytes;

    fn object() -> Object {
        let modified = UNIX_EPOCH + Duration::from_millis(1_000_500);
        Object { modified, ..Object::new(Bytes::new(), "e".to_owned(), Details::default()) }
    }

    fn etag(text: &str) -> Option<ETagCondition> {
        Some(text.parse().unwrap())
    }

    fn at(seconds: u64) -> Option<Timestamp> {
        Some((UNIX_EPOCH + Duration::from_secs(seconds)).into())
    }

    fn status(result: S3Result<()>) -> u16 {
        result.map_or_else(|error| error.code().status_code().unwrap().as_u16(), |()| 200)
    }

    #[test]
    fn reads_and_copies() {
        let none = Conditions::default;
        for (conditions, read, copy) in [
            (none(), 200, 200),
            (Conditions { if_match: etag("\"e\""), ..none() }, 200, 200),
            (Conditions { if_match: etag("*"), ..none() }, 200, 200),
            (Conditions { if_match: etag("\"x\""), ..none() }, 412, 412),
            (Conditions { if_none_match: etag("\"e\""), ..none() }, 304, 412),
            (Conditions { if_none_match: etag("\"x\""), ..none() }, 200, 200),
            (Conditions { if_modified_since: at(999), ..none() }, 200, 200),
            (Conditions { if_modified_since: at(1000), ..none() }, 304, 412),
            (Conditions { if_unmodified_since: at(1000), ..none() }, 200, 200),
            (Conditions { if_unmodified_since: at(999), ..none() }, 412, 412),
            (Conditions { if_match: etag("\"e\""), if_unmodified_since: at(999), ..none() }, 200, 200),
            (Conditions { if_none_match: etag("\"x\""), if_modified_since: at(1000), ..none() }, 200, 200),
        ] {
            assert_eq!(status(conditions.check_read(&object())), read, "{conditions:?}");
            assert_eq!(status(conditions.check_source(&object())), copy, "{conditions:?}");
        }
    }

    #[test]
    fn writes() {
        let none = Conditions::default;
        let object = object();
        for (conditions, present, missing) in [
            (none(), 200, 200),
            (Conditions { if_none_match: etag("*"), ..none() }, 412, 200),
            (Conditions { if_match: etag("\"e\""), ..none() }, 200, 404),
            (Conditions { if_match: etag("\"x\""), ..none() }, 412, 404),
        ] {
            assert_eq!(status(conditions.check_write(Some(&object))), present, "{conditions:?}");
            assert_eq!(status(conditions.check_write(None)), missing, "{conditions:?}");
        }
    }
}
