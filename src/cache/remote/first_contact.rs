//! First contact: whether the remote answers at all, and what the key may do there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{Instrument, info_span};

use crate::cache::remote::contact::SILENCE;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::metadata;
use crate::cache::remote::retry::is_worth_another_try;
use crate::cache::remote::retry::retry;
use crate::cache::remote::s3_client::client::S3Client;
use crate::cache::remote::s3_client::error::S3Error;
use crate::cache::remote::store::Remote;
use crate::protocol::ActionId;

/// When the first question has had no answer for so long, another one is asked beside it.
const ASKED_OTHERWISE_AFTER: Duration = Duration::from_secs(1);
/// The longest that a listing of one key may take: some stores list slowly, and do all else at once.
pub const LISTING_PATIENCE: Duration = Duration::from_secs(5);
/// The limit while uploads fill the link, on which answers come late.
const SILENCE_UNDER_LOAD: Duration = Duration::from_secs(10);
/// A key that may not list cannot tell a missing object from one that it may not read. One that may not write either, and
/// has read nothing in this number of tries, may do nothing at all.
const DENIALS: u32 = 50;
/// One that may list and has read nothing in this number of tries may not read. Fewer may be of objects in an archive, or of
/// another account's.
const DENIALS_OF_OBJECTS: u32 = 10;

impl Remote {
    /// Asks for one key, once a session, where nothing has been heard of the remote yet. One that does not answer, or knows
    /// the key of the settings for a wrong one, is off from here on.
    pub(super) async fn greet(&self, go_waits: bool) {
        // Boxed: it is in the future of every request, and seldom needed.
        Box::pin(self.contact.greeting.get_or_init(|| self.ask_first(go_waits))).await;
    }

    async fn ask_first(&self, go_waits: bool) {
        let client = self.client_where(go_waits).await;
        let asked = retry(self.back_off, is_worth_another_try, |_| self.ask_for_one_key(client, LISTING_PATIENCE));
        let asked = asked.instrument(info_span!(parent: None, "remote.list"));
        let result = tokio::select! {
            biased;
            result = asked => result,
            () = self.silence(go_waits) => Err(self.no_answer("the first question", SILENCE).into()),
        };
        self.learn_listing(&result);
        if let Err(error) = result {
            self.note_first_failure(&error);
        }
    }

    /// Waits until the remote has never answered for [`SILENCE`]; for ever where it has. It is asked otherwise meanwhile.
    pub(super) async fn silence(&self, go_waits: bool) {
        let heard = || self.contact.heard.wait();
        if tokio::time::timeout(ASKED_OTHERWISE_AFTER, heard()).await.is_err() {
            // Boxed as above.
            let asked = Box::pin(self.contact.otherwise.get_or_init(|| self.ask_otherwise(go_waits)));
            let answered = async { tokio::join!(asked, heard()) };
            if tokio::time::timeout(SILENCE - ASKED_OTHERWISE_AFTER, answered).await.is_err()
                && !self.contact.has_heard()
            {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    async fn ask_otherwise(&self, go_waits: bool) {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        match ask_for_an_object(self.client_where(go_waits).await).await.map_err(RemoteError::from) {
            Err(error) if !error.is_answer() => drop(self.meter.errors.fetch_add(1, Ordering::Relaxed)),
            _ => self.contact.hear(),
        }
    }

    /// Switches the remote off if it does not answer any more.
    pub async fn is_still_there(&self) {
        if self.off_reason().is_some() {
            return;
        }
        match self.ask_for_one_key(self.client().await, SILENCE_UNDER_LOAD).await {
            Err(error) if !error.is_answer() => self.open_for_all(&error.to_string(), true),
            _ => {}
        }
    }

    async fn ask_for_one_key(&self, client: &S3Client, limit: Duration) -> Result<(), RemoteError> {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let answer =
            tokio::time::timeout(limit, client.list_one()).await.unwrap_or_else(|_| Err(self.no_answer("LIST", limit)));
        answer.map_err(|error| {
            self.meter.errors.fetch_add(1, Ordering::Relaxed);
            error.into()
        })
    }

    /// The error of a remote that has been silent for so long.
    pub(super) fn no_answer(&self, tried: &str, silent: Duration) -> S3Error {
        let (endpoint, tried) = (self.config.endpoint_url.clone(), tried.to_owned());
        S3Error::Timeout { endpoint, tried, seconds: silent.as_secs() }
    }

    /// Takes what a listing tells about the key.
    pub(crate) fn learn_listing<T>(&self, listed: &Result<T, RemoteError>) {
        match listed {
            Ok(_) => self.contact.note_listing(true),
            Err(error) if error.denies_listing() => self.contact.note_listing(false),
            Err(_) => {}
        }
        if listed.as_ref().err().is_none_or(RemoteError::is_answer) {
            self.contact.hear();
        }
    }

    /// Switches the remote off after an error that says all: a remote that cannot be reached and never could, a wrong key,
    /// a bucket that is missing. Returns whether it was one.
    pub(super) fn note_first_failure(&self, error: &RemoteError) -> bool {
        let is_final = error.is_wrong_setting() || !error.is_answer() && !self.contact.has_heard();
        if is_final {
            self.open_for_all(&error.to_string(), error.is_timeout());
        }
        is_final
    }

    /// True if the remote does not list to this key, asked where it is not known yet. There S3 answers 403 instead of 404
    /// for an object that is missing.
    pub(super) async fn is_listing_denied(&self) -> bool {
        if self.contact.lists.get().is_none() {
            self.greet(true).await;
        }
        self.contact.is_listing_denied()
    }

    /// True if packs cannot be found, because the remote does not list to this key.
    pub fn hides_packs(&self) -> bool {
        self.contact.is_listing_denied()
    }

    /// The result of a get: `None` for an object that is missing.
    pub(crate) async fn or_missing<T>(&self, found: Result<Option<T>, S3Error>) -> Result<Option<T>, RemoteError> {
        let error = match found {
            Ok(found) => {
                self.contact.hear();
                // Also of an object that is missing: S3 denies that to a key without the right to read.
                self.contact.note_read();
                return Ok(found);
            }
            Err(error) => RemoteError::from(error),
        };
        if !error.is_denied() || error.is_archived() {
            return Err(error);
        }
        if !self.is_listing_denied().await {
            if self.contact.lists.get() == Some(&true) {
                self.note_denied_object(&error);
            }
            return Err(error);
        }
        if self.contact.denied_for_long(DENIALS) && self.upload_breaker.reason().is_some() {
            self.open_for_all(&format!("the key may neither list, nor write, and has read nothing: {error}"), false);
        }
        Ok(None)
    }

    /// Takes a denial to a key that may list: a miss of that object. Only where many are denied and nothing was read does
    /// this session do without the remote. No later one does: what is denied may be a few objects that it needs no more.
    fn note_denied_object(&self, error: &RemoteError) {
        let reason: Arc<str> = format!("the key may not read objects: {error}").into();
        if self.contact.denied_for_long(DENIALS_OF_OBJECTS) && self.breaker.open(&reason) {
            let _ = self.first_reason.set(reason.clone());
        }
        let _ = self.denial.set(reason);
    }

    /// Why nothing could be read, where gets were denied and none was not.
    pub(super) fn denied_all(&self) -> Option<&Arc<str>> {
        if self.contact.has_read() { None } else { self.denial.get() }
    }

    /// Makes sure that the remote was heard of before something is sent there: whether an upload arrives shows late, and a
    /// key that may not list changes how it is to be sent.
    pub async fn meet(&self, go_waits: bool) {
        if !self.contact.has_heard() {
            self.greet(go_waits).await;
        }
    }
}

/// Asks for an object of ours that is never written: any answer says that the remote is there, and one to a wrong key names it.
pub(super) async fn ask_for_an_object(client: &S3Client) -> Result<(), S3Error> {
    let key = metadata::metadata_key(&ActionId::new([0; 32]));
    client.get_small(&key, metadata::MAX_METADATA_BYTES).await.map(drop)
}
