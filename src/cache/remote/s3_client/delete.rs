//! Deletions: in batches where the store takes them, else one by one.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt, stream};

use crate::cache::remote::s3_client::client::{BATCH_TIMEOUT, S3Client, STALL_TIMEOUT};
use crate::cache::remote::s3_client::error::S3Error;

/// The most keys that one DeleteObjects request may name.
const BATCH: usize = 1000;
const SINGLES_IN_FLIGHT: usize = 10;
/// After this many refusals and no success the rest is not asked for.
const HOPELESS: usize = 10;
/// How long a deletion that can be had a little later waits before it is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];

/// The result of a deletion.
#[derive(Debug, Default)]
pub struct Deleted {
    /// Objects that are gone.
    pub objects: u64,
    /// The first failure, when not all are gone.
    pub failure: Option<S3Error>,
}

impl S3Client {
    /// Deletes objects, and tries nothing again. A key that is not there counts as deleted, as S3 has it.
    ///
    /// # Errors
    /// The first failure; others may be gone.
    pub async fn delete(&self, keys: &[String]) -> Result<u64, S3Error> {
        let deleted = self.delete_with(keys, &[]).await;
        match deleted.failure {
            None => Ok(deleted.objects),
            Some(error) => Err(error),
        }
    }

    /// Deletes as many objects as it can. A request that a store refuses in passing is tried twice more.
    pub async fn delete_most(&self, keys: &[String]) -> Deleted {
        self.delete_with(keys, &PAUSES).await
    }

    async fn delete_with(&self, keys: &[String], pauses: &[Duration]) -> Deleted {
        let keys: Vec<String> = keys.iter().map(|key| self.full_key(key)).collect();
        let mut deleted = Deleted::default();
        for batch in keys.chunks(BATCH) {
            let of_batch = self.delete_batch_or_singly(batch, pauses).await;
            deleted.objects += of_batch.objects;
            deleted.failure = deleted.failure.or(of_batch.failure);
            if deleted.failure.is_some() && of_batch.objects == 0 {
                break;
            }
        }
        deleted
    }

    async fn delete_batch_or_singly(&self, keys: &[String], pauses: &[Duration]) -> Deleted {
        if self.shared.batches_are_refused.load(Ordering::Relaxed) {
            return self.delete_singly(keys, pauses).await;
        }
        match again(pauses, || self.delete_batch(keys)).await {
            Ok(left) => {
                let mut rest = self.delete_singly(&left, pauses).await;
                rest.objects += (keys.len() - left.len()) as u64;
                rest
            }
            Err(S3Error::Status { .. } | S3Error::AccessDenied { .. } | S3Error::NoSuchKey { .. }) => {
                self.shared.batches_are_refused.store(true, Ordering::Relaxed);
                self.delete_singly(keys, pauses).await
            }
            Err(error) => Deleted { objects: 0, failure: Some(error) },
        }
    }

    /// The keys that the answer says could not be deleted.
    async fn delete_batch(&self, keys: &[String]) -> Result<Vec<String>, S3Error> {
        let attempt = self.attempt("DELETE", keys.first().map_or("", String::as_str));
        let ids = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let delete = ids
            .collect::<Result<Vec<_>, _>>()
            .and_then(|ids| Delete::builder().set_objects(Some(ids)).quiet(true).build())
            .map_err(|error| attempt.other(&error.to_string()))?;
        let request = self.shared.sdk.delete_objects().bucket(self.bucket()).delete(delete);
        let answer = self.run(&attempt, BATCH_TIMEOUT, || request.clone().send()).await?;
        if answer.errors().is_empty() {
            return Ok(Vec::new());
        }
        let failed: Vec<&str> = answer.errors().iter().filter_map(|error| error.key()).collect();
        let known: Vec<String> = keys.iter().filter(|key| failed.contains(&key.as_str())).cloned().collect();
        // An error for no key of ours may be for any of them.
        if known.len() == answer.errors().len() { Ok(known) } else { Ok(keys.to_vec()) }
    }

    async fn delete_one(&self, key: &str) -> Result<(), S3Error> {
        let attempt = self.attempt("DELETE", key);
        let request = self.shared.sdk.delete_object().bucket(self.bucket()).key(key);
        self.run(&attempt, STALL_TIMEOUT, || request.clone().send()).await.map(drop)
    }

    async fn delete_singly(&self, keys: &[String], pauses: &[Duration]) -> Deleted {
        let deletes = keys.iter().map(|key| again(pauses, || self.delete_one(key)));
        let mut answers = stream::iter(deletes).buffer_unordered(SINGLES_IN_FLIGHT);
        let mut deleted = Deleted::default();
        let mut failures = 0;
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(()) | Err(S3Error::NoSuchKey { .. }) => deleted.objects += 1,
                Err(error) => {
                    let is_hopeless = matches!(error, S3Error::Unreachable { .. } | S3Error::Timeout { .. });
                    deleted.failure = deleted.failure.or(Some(error));
                    failures += 1;
                    if is_hopeless || (failures >= HOPELESS && deleted.objects == 0) {
                        break;
                    }
                }
            }
        }
        deleted
    }
}

/// Makes a request once, and once more after each pause as long as the store refuses it in passing.
async fn again<T, F>(pauses: &[Duration], request: impl Fn() -> F) -> Result<T, S3Error>
where
    F: Future<Output = Result<T, S3Error>>,
{
    for pause in pauses {
        match request().await {
            Err(error) if error.is_passing_refusal() => tokio::time::sleep(*pause).await,
            answer => return answer,
        }
    }
    request().await
}
