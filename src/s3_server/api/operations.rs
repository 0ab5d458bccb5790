//! The S3 operations over the memory store: one trait method each, no policy.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use crate::s3_server::access::keys::Keys;
use crate::s3_server::api::multipart::Uploads;
use crate::s3_server::api::pages::{MAX_KEYS, Spelling, max_keys};
use crate::s3_server::api::store::{Listing, NoBucket, Store};

pub(crate) struct Operations {
    pub(crate) store: Arc<Store>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) uploads: Uploads,
}

impl From<NoBucket> for S3Error {
    fn from(_: NoBucket) -> Self {
        s3_error!(NoSuchBucket, "the embedded server has no bucket of that name")
    }
}

fn answer<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

/// The parameters of both forms of the list request.
fn listing<'a>(
    prefix: &'a Option<String>,
    delimiter: &'a Option<String>,
    after: Option<&'a str>,
    asked_keys: Option<i32>,
) -> Listing<'a> {
    let prefix = prefix.as_deref().unwrap_or_default();
    Listing { prefix, delimiter: delimiter.as_deref(), after, max_keys: max_keys(asked_keys) }
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        answer(self.get(req)?)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        answer(self.head(req)?)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        answer(self.put(req).await?)
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        answer(self.copy(req)?)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        answer(self.delete(req.input)?)
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        answer(self.delete_several(req)?)
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let asked = req.input;
        // The token is the last key of the page before: opaque to clients all the same.
        let after = asked.continuation_token.as_deref().or(asked.start_after.as_deref());
        let listing = listing(&asked.prefix, &asked.delimiter, after, asked.max_keys);
        let page = self.store.list(&asked.bucket, &listing)?;
        let spelling = Spelling::asked(asked.encoding_type.as_ref());
        answer(ListObjectsV2Output {
            contents: spelling.contents(&page),
            common_prefixes: spelling.common_prefixes(&page),
            key_count: Some((page.objects.len() + page.common_prefixes.len()) as i32),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            name: Some(asked.bucket),
            prefix: spelling.of_all(asked.prefix),
            delimiter: spelling.of_all(asked.delimiter),
            max_keys: Some(asked.max_keys.unwrap_or(MAX_KEYS)),
            continuation_token: asked.continuation_token,
            start_after: spelling.of_all(asked.start_after),
            encoding_type: asked.encoding_type,
            ..Default::default()
        })
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let asked = req.input;
        let listing = listing(&asked.prefix, &asked.delimiter, asked.marker.as_deref(), asked.max_keys);
        let page = self.store.list(&asked.bucket, &listing)?;
        let spelling = Spelling::asked(asked.encoding_type.as_ref());
        // S3 names the next marker only where it need not be a key; else it is the last key of the page.
        let names_next = asked.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty());
        answer(ListObjectsOutput {
            contents: spelling.contents(&page),
            common_prefixes: spelling.common_prefixes(&page),
            is_truncated: Some(page.next.is_some()),
            next_marker: if names_next { spelling.of_all(page.next) } else { None },
            name: Some(asked.bucket),
            prefix: spelling.of_all(asked.prefix),
            delimiter: spelling.of_all(asked.delimiter),
            max_keys: Some(asked.max_keys.unwrap_or(MAX_KEYS)),
            marker: spelling.of_all(asked.marker),
            encoding_type: asked.encoding_type,
            ..Default::default()
        })
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.store.create_bucket(&req.input.bucket);
        answer(CreateBucketOutput { location: Some(format!("/{}", req.input.bucket)) })
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        if !self.store.delete_bucket(&req.input.bucket)? {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        answer(DeleteBucketOutput::default())
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
        let entry = |(name, created): (String, std::time::SystemTime)| Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            ..Default::default()
        };
        let buckets = self.store.bucket_names().into_iter().map(entry).collect();
        answer(ListBucketsOutput { buckets: Some(buckets), ..Default::default() })
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        answer(self.start_upload(req.input)?)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        answer(self.upload(req).await?)
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        answer(self.copy_part(req)?)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        answer(self.finish_upload(req.input)?)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        answer(self.abort_upload(&req.input)?)
    }
}
