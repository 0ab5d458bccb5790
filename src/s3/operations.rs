//! The S3 operations over the memory store: one trait method each, no policy.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use s3s::dto::*;
use s3s::{Body, S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::keys::{Keys, Right, User, denied};
use super::multipart::Uploads;
use super::pages::{MAX_KEYS, common_prefixes, contents, max_keys};
use super::store::{Listing, NoBucket, Object, Store};

pub(super) struct Operations {
    pub(super) store: Arc<Store>,
    pub(super) keys: Arc<Keys>,
    pub(super) uploads: Uploads,
}

impl From<NoBucket> for S3Error {
    fn from(_: NoBucket) -> Self {
        s3_error!(NoSuchBucket, "the embedded server has no bucket of that name")
    }
}

fn answer<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

/// Copied once into a buffer of its own: the chunks are views into the connection's read buffers,
/// which would stay alive with every small object.
async fn whole(body: Option<StreamingBlob>, content_length: Option<i64>) -> S3Result<Bytes> {
    let announced = content_length.and_then(|length| usize::try_from(length).ok());
    let mut whole = BytesMut::with_capacity(announced.unwrap_or(0).min(64 << 20));
    if let Some(mut body) = body {
        let cut = |error| S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error);
        while let Some(chunk) = body.try_next().await.map_err(cut)? {
            whole.extend_from_slice(&chunk);
        }
    }
    Ok(whole.freeze())
}

/// One key of a request to delete several that stays.
fn failed_delete(key: String, error: &S3Error) -> s3s::dto::Error {
    s3s::dto::Error {
        key: Some(key),
        code: Some(error.code().as_str().to_owned()),
        message: error.message().map(str::to_owned),
        ..Default::default()
    }
}

/// What both forms of the list request ask for.
fn listing<'a>(
    prefix: &'a Option<String>,
    delimiter: &'a Option<String>,
    after: Option<&'a str>,
    asked_keys: Option<i32>,
) -> Listing<'a> {
    let prefix = prefix.as_deref().unwrap_or_default();
    Listing { prefix, delimiter: delimiter.as_deref(), after, max_keys: max_keys(asked_keys) }
}

impl Operations {
    fn existing(&self, user: User<'_>, bucket: &str, key: &str) -> S3Result<Object> {
        let found = self.store.get(bucket, key)?;
        found.ok_or_else(|| self.keys.missing(user, key))
    }
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let object = self.existing(User(req.credentials.as_ref()), &req.input.bucket, &req.input.key)?;
        let all = object.body.len() as u64;
        let mut body = object.body;
        let mut content_range = None;
        if let Some(range) = req.input.range {
            let range = range.check(all).map_err(|_| s3_error!(InvalidRange))?;
            content_range = Some(format!("bytes {}-{}/{all}", range.start, range.end - 1));
            body = body.slice(range.start as usize..range.end as usize);
        }
        answer(GetObjectOutput {
            content_length: Some(body.len() as i64),
            content_range,
            accept_ranges: Some("bytes".to_owned()),
            content_type: Some("application/octet-stream".to_owned()),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            body: Some(StreamingBlob::from(Body::from(body))),
            ..Default::default()
        })
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let object = self.existing(User(req.credentials.as_ref()), &req.input.bucket, &req.input.key)?;
        answer(HeadObjectOutput {
            content_length: Some(object.body.len() as i64),
            accept_ranges: Some("bytes".to_owned()),
            content_type: Some("application/octet-stream".to_owned()),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(object.modified.into()),
            ..Default::default()
        })
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let body = whole(req.input.body, req.input.content_length).await?;
        let etag = self.store.put(&req.input.bucket, req.input.key, body)?;
        answer(PutObjectOutput { e_tag: Some(ETag::Strong(etag)), ..Default::default() })
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.store.delete(&req.input.bucket, &req.input.key)?;
        answer(DeleteObjectOutput::default())
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let Delete { objects, quiet } = req.input.delete;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in objects {
            if self.keys.allows(User(req.credentials.as_ref()), Right::Delete, &object.key) {
                self.store.delete(&req.input.bucket, &object.key)?;
                deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
            } else {
                errors.push(failed_delete(object.key, &denied()));
            }
        }
        if quiet == Some(true) {
            deleted.clear();
        }
        answer(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..Default::default() })
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let asked = req.input;
        // The token is the last key of the page before: opaque to clients all the same.
        let after = asked.continuation_token.as_deref().or(asked.start_after.as_deref());
        let listing = listing(&asked.prefix, &asked.delimiter, after, asked.max_keys);
        let page = self.store.list(&asked.bucket, &listing)?;
        answer(ListObjectsV2Output {
            contents: contents(&page),
            common_prefixes: common_prefixes(&page),
            key_count: Some((page.objects.len() + page.common_prefixes.len()) as i32),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            name: Some(asked.bucket),
            prefix: asked.prefix,
            delimiter: asked.delimiter,
            max_keys: Some(asked.max_keys.unwrap_or(MAX_KEYS)),
            continuation_token: asked.continuation_token,
            start_after: asked.start_after,
            ..Default::default()
        })
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let asked = req.input;
        let listing = listing(&asked.prefix, &asked.delimiter, asked.marker.as_deref(), asked.max_keys);
        let page = self.store.list(&asked.bucket, &listing)?;
        answer(ListObjectsOutput {
            contents: contents(&page),
            common_prefixes: common_prefixes(&page),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next,
            name: Some(asked.bucket),
            prefix: asked.prefix,
            delimiter: asked.delimiter,
            max_keys: Some(asked.max_keys.unwrap_or(MAX_KEYS)),
            marker: asked.marker,
            ..Default::default()
        })
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.store.create_bucket(&req.input.bucket);
        answer(CreateBucketOutput::default())
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store.has_bucket(&req.input.bucket)?;
        answer(HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.store.has_bucket(&req.input.bucket)?;
        answer(GetBucketLocationOutput::default()) // none means us-east-1
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let entry = |name| Bucket { name: Some(name), ..Default::default() };
        let buckets = self.store.bucket_names().into_iter().map(entry).collect();
        answer(ListBucketsOutput { buckets: Some(buckets), ..Default::default() })
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let CreateMultipartUploadInput { bucket, key, .. } = req.input;
        self.store.has_bucket(&bucket)?;
        answer(CreateMultipartUploadOutput {
            upload_id: Some(self.uploads.start()),
            bucket: Some(bucket),
            key: Some(key),
            ..Default::default()
        })
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let body = whole(req.input.body, req.input.content_length).await?;
        self.uploads.add(&req.input.upload_id, req.input.part_number, body)?;
        answer(UploadPartOutput { e_tag: Some(ETag::Strong(self.store.new_etag())), ..Default::default() })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let CompleteMultipartUploadInput { bucket, key, upload_id, multipart_upload, .. } = req.input;
        let listed = multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let numbers = listed.iter().filter_map(|part| part.part_number);
        let body = self.uploads.finish(&upload_id, numbers)?;
        let etag = self.store.put(&bucket, key.clone(), body)?;
        answer(CompleteMultipartUploadOutput {
            e_tag: Some(ETag::Strong(etag)),
            bucket: Some(bucket),
            key: Some(key),
            ..Default::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.uploads.abort(&req.input.upload_id);
        answer(AbortMultipartUploadOutput::default())
    }
}
