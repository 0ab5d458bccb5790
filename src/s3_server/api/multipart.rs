//! Uploads in parts: what SDKs make of large objects (minio-go of more than 16 MiB, boto3 of more than 8).

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType, CompletedPart, ETag};
use s3s::{S3Result, s3_error};

use crate::s3_server::api::checksums::{bytes_of, checksum_of, composite};
use crate::s3_server::api::details::Details;
use crate::s3_server::api::receive::{Received, hexadecimal};
use crate::s3_server::api::store::Object;

/// The least bytes of each part but the last.
const LEAST_PART_BYTES: usize = 5 << 20;

/// An upload that has been started.
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) details: Details,
    /// The kind of checksum that each part gets, and the object in the end.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) checksum_type: Option<ChecksumType>,
    pub(super) parts: BTreeMap<i32, Received>,
}

impl Upload {
    /// The listed parts, when all are there as listed.
    fn listed(&self, listed: &[CompletedPart]) -> S3Result<Vec<&Received>> {
        let mut parts = Vec::new();
        let mut last = 0;
        for part in listed {
            let number = part.part_number.unwrap_or_default();
            if number <= last {
                return Err(s3_error!(InvalidPartOrder));
            }
            last = number;
            let received = self.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
            if let Some(ETag::Strong(etag) | ETag::Weak(etag)) = &part.e_tag
                && *etag != received.etag()
            {
                return Err(s3_error!(InvalidPart));
            }
            parts.push(received);
        }
        let Some((_, all_but_last)) = parts.split_last() else {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        };
        if all_but_last.iter().any(|part| part.body.len() < LEAST_PART_BYTES) {
            return Err(s3_error!(EntityTooSmall));
        }
        Ok(parts)
    }

    fn join(&self, parts: &[&Received]) -> Object {
        let mut body = BytesMut::with_capacity(parts.iter().map(|part| part.body.len()).sum());
        let mut md5 = Md5::new();
        for part in parts {
            body.extend_from_slice(&part.body);
            md5.update(&part.md5);
        }
        let etag = format!("{}-{}", hexadecimal(&md5.finalize()), parts.len());
        let body = body.freeze();
        let checksum = self.checksum(parts, &body);
        Object::new(body, etag, Details { checksum, ..self.details.clone() })
    }

    fn checksum(&self, parts: &[&Received], body: &[u8]) -> Checksum {
        let Some(kind) = self.algorithm.as_ref().map(ChecksumAlgorithm::as_str) else {
            return Checksum::default();
        };
        let is_full = match &self.checksum_type {
            Some(asked) => asked.as_str() == ChecksumType::FULL_OBJECT,
            None => kind == ChecksumAlgorithm::CRC64NVME,
        };
        if is_full {
            return checksum_of(kind, body);
        }
        let sums = parts.iter().filter_map(|part| bytes_of(kind, &part.checksum));
        composite(kind, &sums.flatten().collect::<Vec<u8>>(), parts.len())
    }
}

/// The uploads that are neither complete nor given up.
#[derive(Default)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<String, Upload>>,
    started: AtomicU64,
}

impl Uploads {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` with an upload, which has to be for that key.
    pub(super) fn with<T>(
        &self,
        id: &str,
        (bucket, key): (&str, &str),
        f: impl FnOnce(&mut Upload) -> T,
    ) -> S3Result<T> {
        let mut open = self.open();
        let upload = open.get_mut(id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        if upload.bucket != bucket || upload.key != key {
            return Err(s3_error!(NoSuchUpload));
        }
        Ok(f(upload))
    }

    /// Returns the new upload's id.
    pub(super) fn start(&self, upload: Upload) -> String {
        let id = format!("upload-{}", self.started.fetch_add(1, Ordering::Relaxed));
        self.open().insert(id.clone(), upload);
        id
    }

    /// Joins the parts that the client lists. The upload stays open, until [`Uploads::forget`].
    pub(super) fn finish(&self, id: &str, key: (&str, &str), listed: &[CompletedPart]) -> S3Result<Object> {
        self.with(id, key, |upload| {
            let parts = upload.listed(listed)?;
            Ok(upload.join(&parts))
        })?
    }

    pub(super) fn forget(&self, id: &str) {
        self.open().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const KEY: (&str, &str) = ("b", "k");

    fn received(body: &[u8]) -> Received {
        Received { body: Bytes::copy_from_slice(body), md5: Md5::checksum(body), checksum: checksum_of("CRC32", body) }
    }

    /// Uploads with one that has these parts, numbered from 1.
    fn with_parts(parts: &[&[u8]]) -> (Uploads, String) {
        let uploads = Uploads::default();
        let parts = (1..).zip(parts.iter().map(|body| received(body))).collect();
        let algorithm = Some(ChecksumAlgorithm::from_static(ChecksumAlgorithm::CRC32));
        let id = uploads.start(Upload {
            bucket: "b".to_owned(),
            key: "k".to_owned(),
            details: Details::default(),
            algorithm,
            checksum_type: None,
            parts,
        });
        (uploads, id)
    }

    fn list(numbers: &[i32]) -> Vec<CompletedPart> {
        let part = |number: &i32| CompletedPart { part_number: Some(*number), ..CompletedPart::default() };
        numbers.iter().map(part).collect()
    }

    fn refused(result: S3Result<Object>) -> String {
        result.unwrap_err().code().as_str().to_owned()
    }

    #[test]
    fn parts_are_joined_with_an_etag_and_a_checksum_that_count_them() {
        let large = vec![7; LEAST_PART_BYTES];
        let (uploads, id) = with_parts(&[&large, b"never listed", b"two"]);
        let object = uploads.finish(&id, KEY, &list(&[1, 3])).unwrap();
        assert_eq!(object.body.len(), LEAST_PART_BYTES + 3);
        assert!(object.body.ends_with(b"two") && object.etag.len() == 34 && object.etag.ends_with("-2"));
        assert!(object.details.checksum.checksum_crc32.as_ref().unwrap().ends_with("=-2"));
        uploads.forget(&id);
        assert_eq!(refused(uploads.finish(&id, KEY, &list(&[1]))), "NoSuchUpload");
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_upload_stays() {
        let (uploads, id) = with_parts(&[b"one", b"two"]);
        for (numbers, code) in [
            (&[1, 2][..], "EntityTooSmall"),
            (&[2, 1], "InvalidPartOrder"),
            (&[1, 1], "InvalidPartOrder"),
            (&[3], "InvalidPart"),
            (&[], "MalformedXML"),
        ] {
            assert_eq!(refused(uploads.finish(&id, KEY, &list(numbers))), code, "{numbers:?}");
        }
        let mut other = list(&[1]);
        other[0].e_tag = Some(ETag::Strong("other".to_owned()));
        assert_eq!(refused(uploads.finish(&id, KEY, &other)), "InvalidPart");
        assert_eq!(refused(uploads.finish(&id, ("b", "other"), &list(&[1]))), "NoSuchUpload");
        assert_eq!(uploads.finish(&id, KEY, &list(&[1])).unwrap().body, "one");
    }
}
