//! Uploads in parts: what minio-go makes of an object of more than 16 MiB.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use s3s::{S3Result, s3_error};

type Parts = BTreeMap<i32, Bytes>;

#[derive(Default)]
pub(super) struct Uploads {
    open: Mutex<HashMap<String, Parts>>,
    started: AtomicU64,
}

impl Uploads {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Parts>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the new upload's id.
    pub(super) fn start(&self) -> String {
        let id = format!("upload-{}", self.started.fetch_add(1, Ordering::Relaxed));
        self.open().insert(id.clone(), Parts::new());
        id
    }

    pub(super) fn add(&self, id: &str, number: i32, body: Bytes) -> S3Result<()> {
        let mut open = self.open();
        let parts = open.get_mut(id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        parts.insert(number, body);
        Ok(())
    }

    /// Joins the parts that the client lists, in its order, and forgets the upload.
    pub(super) fn finish(&self, id: &str, numbers: impl Iterator<Item = i32>) -> S3Result<Bytes> {
        let parts = self.open().remove(id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let mut whole = BytesMut::with_capacity(parts.values().map(Bytes::len).sum());
        for number in numbers {
            let part = parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
            whole.extend_from_slice(part);
        }
        Ok(whole.freeze())
    }

    pub(super) fn abort(&self, id: &str) {
        self.open().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_in_the_listed_order() {
        let uploads = Uploads::default();
        let id = uploads.start();
        uploads.add(&id, 2, Bytes::from_static(b"two")).unwrap();
        uploads.add(&id, 1, Bytes::from_static(b"one")).unwrap();
        assert!(uploads.add("other", 1, Bytes::new()).is_err());
        assert_eq!(uploads.finish(&id, [1, 2].into_iter()).unwrap(), "onetwo");
        assert!(uploads.finish(&id, [1].into_iter()).is_err());
    }

    #[test]
    fn a_missing_part_is_an_error_and_an_aborted_upload_is_gone() {
        let uploads = Uploads::default();
        let id = uploads.start();
        assert!(uploads.finish(&id, [1].into_iter()).is_err());
        let id = uploads.start();
        uploads.abort(&id);
        assert!(uploads.add(&id, 1, Bytes::new()).is_err());
    }
}
