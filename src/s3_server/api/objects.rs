//! The operations on objects, with the conditions and rights of their requests.

use s3s::dto::*;
use s3s::{Body, S3Request, S3Result, s3_error};

use crate::s3_server::access::keys::{Right, User, denied};
use crate::s3_server::api::checksums::{DEFAULT_KIND, checksum_of, fields};
use crate::s3_server::api::conditions::{Conditions, conditions, source_conditions};
use crate::s3_server::api::details::{Details, PLAIN_TYPE, described, details};
use crate::s3_server::api::operations::Operations;
use crate::s3_server::api::receive::{Promised, promised, receive};
use crate::s3_server::api::store::Object as Stored;

/// The most keys that one request may delete.
const MOST_DELETED_KEYS: usize = 1000;

impl Operations {
    fn existing(&self, user: User<'_>, bucket: &str, key: &str) -> S3Result<Stored> {
        let found = self.store.get(bucket, key)?;
        found.ok_or_else(|| self.keys.missing(user, key))
    }

    pub(super) fn get(&self, req: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
        let S3Request { input, credentials, .. } = req;
        let object = self.existing(User(credentials.as_ref()), &input.bucket, &input.key)?;
        let conditions = conditions!(input);
        conditions.check_read(&object)?;
        let Some(range) = input.range else {
            let mut output = described!(GetObjectOutput, object, shown(&object, input.checksum_mode.as_ref()));
            output.body = Some(StreamingBlob::from(Body::from(object.body)));
            return Ok(output);
        };
        // The checksums are of the whole body.
        let mut output = described!(GetObjectOutput, object, Checksum::default());
        let (start, end) = within(&range, &object)?;
        output.content_range = Some(content_range(start, end, &object));
        output.content_length = Some((end - start) as i64);
        output.body = Some(StreamingBlob::from(Body::from(object.body.slice(start..end))));
        Ok(output)
    }

    pub(super) fn head(&self, req: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
        let S3Request { input, credentials, .. } = req;
        let object = self.existing(User(credentials.as_ref()), &input.bucket, &input.key)?;
        let conditions = conditions!(input);
        conditions.check_read(&object)?;
        let Some(range) = input.range else {
            return Ok(described!(HeadObjectOutput, object, shown(&object, input.checksum_mode.as_ref())));
        };
        let mut output = described!(HeadObjectOutput, object, Checksum::default());
        let (start, end) = within(&range, &object)?;
        output.content_range = Some(content_range(start, end, &object));
        output.content_length = Some((end - start) as i64);
        Ok(output)
    }

    pub(super) async fn put(&self, mut req: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
        let promised = promised!(req);
        let mut input = req.input;
        let conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Default::default() };
        let received = receive(input.body.take(), promised).await?;
        let (etag, sums) = (received.etag(), received.checksum.clone());
        let details = Details { checksum: received.checksum, ..details!(input) };
        let object = Stored::new(received.body, etag.clone(), details);
        self.store.put(&input.bucket, input.key, object, |current| conditions.check_write(current))?;
        Ok(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..Default::default()
        })
    }

    /// The source of a copy, when its conditions are met.
    pub(super) fn source(&self, user: User<'_>, source: &CopySource, conditions: &Conditions) -> S3Result<Stored> {
        let CopySource::Bucket { bucket, key, .. } = source else {
            return Err(s3_error!(NotImplemented, "only <bucket>/<key> can be copied"));
        };
        let object = self.existing(user, bucket, key)?;
        conditions.check_source(&object)?;
        Ok(object)
    }

    pub(super) fn copy(&self, req: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
        let S3Request { mut input, credentials, .. } = req;
        let conditions = source_conditions!(input);
        let source = self.source(User(credentials.as_ref()), &input.copy_source, &conditions)?;
        let replaces = input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        if !replaces && is_same(&input.copy_source, &input.bucket, &input.key) {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal: it copies an object to itself without changes."
            ));
        }
        let mut copied = Details::clone(&source.details);
        if replaces {
            copied = Details { checksum: copied.checksum, ..details!(input) };
        }
        // One body and no parts any more: the ETag of an object that came in parts is another then.
        let etag =
            if source.etag.contains('-') { crate::s3_server::api::receive::etag_of(&source.body) } else { source.etag };
        let object = Stored::new(source.body, etag.clone(), copied);
        let modified = object.modified;
        self.store.put(&input.bucket, input.key, object, |_| Ok::<(), s3s::S3Error>(()))?;
        let result = CopyObjectResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(modified.into()),
            ..Default::default()
        };
        Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
    }

    pub(super) fn delete(&self, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        let conditions = Conditions { if_match: input.if_match, ..Default::default() };
        self.store.delete(&input.bucket, &input.key, |current| conditions.check_write(current))?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) fn delete_several(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<DeleteObjectsOutput> {
        let S3Request { input, credentials, .. } = req;
        self.store.has_bucket(&input.bucket)?;
        let Delete { objects, quiet } = input.delete;
        if objects.len() > MOST_DELETED_KEYS {
            return Err(s3_error!(MalformedXML, "one request deletes at most {MOST_DELETED_KEYS} keys"));
        }
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in objects {
            match self.delete_one(User(credentials.as_ref()), &input.bucket, &object) {
                Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..Default::default() }),
                Err(error) => errors.push(failed_delete(object.key, &error)),
            }
        }
        if quiet == Some(true) {
            deleted.clear();
        }
        Ok(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..Default::default() })
    }

    fn delete_one(&self, user: User<'_>, bucket: &str, object: &ObjectIdentifier) -> S3Result<()> {
        if !self.keys.allows(user, Right::Delete, &object.key) {
            return Err(denied());
        }
        let if_match = object.e_tag.clone().map(ETagCondition::ETag);
        let conditions = Conditions { if_match, ..Default::default() };
        self.store.delete(bucket, &object.key, |current| conditions.check_write(current))
    }
}

/// One key of a request to delete several that stays.
fn failed_delete(key: String, error: &s3s::S3Error) -> s3s::dto::Error {
    s3s::dto::Error {
        key: Some(key),
        code: Some(error.code().as_str().to_owned()),
        message: error.message().map(str::to_owned),
        ..Default::default()
    }
}

fn is_same(source: &CopySource, to_bucket: &str, to_key: &str) -> bool {
    matches!(source, CopySource::Bucket { bucket, key, .. } if **bucket == *to_bucket && **key == *to_key)
}

/// The checksums that an answer has; an object that was put without any gets the default kind, as with S3.
fn shown(object: &Stored, mode: Option<&ChecksumMode>) -> Checksum {
    let stored = &object.details.checksum;
    if mode.is_none_or(|mode| mode.as_str() != ChecksumMode::ENABLED) {
        return Checksum::default();
    }
    if fields(stored).iter().all(|(_, sum)| sum.is_none()) {
        return checksum_of(DEFAULT_KIND, &object.body);
    }
    stored.clone()
}

/// Where a range begins and ends (exclusively) in the body.
pub(super) fn within(range: &Range, object: &Stored) -> S3Result<(usize, usize)> {
    let range = range.check(object.body.len() as u64).map_err(|_| s3_error!(InvalidRange))?;
    Ok((range.start as usize, range.end as usize))
}

fn content_range(start: usize, end: usize, object: &Stored) -> String {
    format!("bytes {start}-{}/{}", end - 1, object.body.len())
}
