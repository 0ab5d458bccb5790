//! The operations on multipart uploads.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use crate::s3_server::access::keys::User;
use crate::s3_server::api::checksums;
use crate::s3_server::api::conditions::{Conditions, source_conditions};
use crate::s3_server::api::details::{Details, details};
use crate::s3_server::api::multipart::Upload;
use crate::s3_server::api::objects::within;
use crate::s3_server::api::operations::Operations;
use crate::s3_server::api::receive::{Promised, Received, promised, receive};

impl Operations {
    pub(super) fn start_upload(&self, mut input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
        self.store.has_bucket(&input.bucket)?;
        let upload = Upload {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            details: details!(input),
            algorithm: input.checksum_algorithm.clone(),
            checksum_type: input.checksum_type.clone(),
            parts: Default::default(),
        };
        Ok(CreateMultipartUploadOutput {
            upload_id: Some(self.uploads.start(upload)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..Default::default()
        })
    }

    pub(super) async fn upload(&self, mut req: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
        let mut promised = promised!(req);
        let UploadPartInput { bucket, key, upload_id, part_number, body, .. } = req.input;
        let algorithm = self.uploads.with(&upload_id, (&bucket, &key), |upload| upload.algorithm.clone())?;
        if promised.algorithm.is_none() {
            promised.algorithm = algorithm;
        }
        let received = receive(body, promised).await?;
        let (etag, sums) = (received.etag(), received.checksum.clone());
        self.add_part(&upload_id, (&bucket, &key), part_number, received)?;
        Ok(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..Default::default()
        })
    }

    pub(super) fn copy_part(&self, req: S3Request<UploadPartCopyInput>) -> S3Result<UploadPartCopyOutput> {
        let S3Request { input, credentials, .. } = req;
        let conditions = source_conditions!(input);
        let mut body = self.source(User(credentials.as_ref()), &input.copy_source, &conditions)?;
        if let Some(range) = &input.copy_source_range {
            let range = Range::parse(range).map_err(|_| s3_error!(InvalidArgument, "x-amz-copy-source-range"))?;
            let (start, end) = within(&range, &body)?;
            body.body = body.body.slice(start..end);
        }
        let at = (input.bucket.as_str(), input.key.as_str());
        let algorithm = self.uploads.with(&input.upload_id, at, |upload| upload.algorithm.clone())?;
        let received = Received::of(body.body, algorithm.as_ref());
        let etag = received.etag();
        self.add_part(&input.upload_id, at, input.part_number, received)?;
        let result = CopyPartResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(body.modified.into()),
            ..Default::default()
        };
        Ok(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
    }

    fn add_part(&self, id: &str, at: (&str, &str), number: i32, received: Received) -> S3Result<()> {
        if !(1..=10_000).contains(&number) {
            return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
        }
        self.uploads.with(id, at, |upload| upload.parts.insert(number, received)).map(drop)
    }

    pub(super) fn finish_upload(&self, input: CompleteMultipartUploadInput) -> S3Result<CompleteMultipartUploadOutput> {
        let conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Default::default() };
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let object = self.uploads.finish(&input.upload_id, (&input.bucket, &input.key), &listed)?;
        let sums = object.details.checksum.clone();
        let sent = Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            checksum_type: None,
        };
        checksums::compare(&sent, &sums)?;
        let etag = object.etag.clone();
        self.store.put(&input.bucket, input.key.clone(), object, |current| conditions.check_write(current))?;
        self.uploads.forget(&input.upload_id);
        Ok(CompleteMultipartUploadOutput {
            e_tag: Some(ETag::Strong(etag)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            checksum_type: sums.checksum_type,
            ..Default::default()
        })
    }

    pub(super) fn abort_upload(&self, input: &AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
        self.uploads.with(&input.upload_id, (&input.bucket, &input.key), |_| ())?;
        self.uploads.forget(&input.upload_id);
        Ok(AbortMultipartUploadOutput::default())
    }
}
