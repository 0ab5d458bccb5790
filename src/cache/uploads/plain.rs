//! Uploads of the workshop's objects: a body, then the metadata that names it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::plain::objects::PlainObjects;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::purpose::Attempt;
use crate::cache::remote::store::Remote;
use crate::cache::uploads::attempts::{UPLOAD_PATIENCE, patience, with_retries};
use crate::cache::uploads::session::{Uploads, is_too_large};
use crate::cache::uploads::unsent::Way;
use crate::protocol::{ActionId, OutputId};

/// The longest that a put of the `workshop` strategy waits for each of its two uploads.
const PUT_PATIENCE: Duration = Duration::from_secs(30);

/// The uploads of the workshop's objects in one session.
pub struct PlainUploads {
    pub uploads: Arc<Uploads>,
    objects: Arc<PlainObjects>,
    /// One cell an output: each body goes up once, and no metadata before its body.
    bodies: Mutex<HashMap<OutputId, Arc<OnceCell<()>>>>,
}

impl PlainUploads {
    /// The workshop's objects over both stores, and their uploads: none yet.
    pub fn over(local: &Arc<LocalStore>, remote: &Arc<Remote>) -> (Arc<PlainObjects>, Arc<Self>) {
        let objects = Arc::new(PlainObjects::new(remote.clone(), local.clone()));
        let uploads = Arc::new(Uploads::new(remote.clone(), local.clone()));
        (objects.clone(), Arc::new(Self { uploads, objects, bodies: Mutex::default() }))
    }

    /// Uploads an entry beside the answers.
    pub fn push(self: &Arc<Self>, action: ActionId, entry: Entry) {
        if !is_too_large(&entry) {
            self.uploads.count(action, &[Way::Plain]);
            let plain = self.clone();
            self.start(action, entry, move || plain.send_again());
        }
    }

    /// Starts the upload of an entry that has been counted; `sent` is called when it is out.
    pub(super) fn start(self: &Arc<Self>, action: ActionId, entry: Entry, sent: impl FnOnce() + Send + 'static) {
        let (queued, plain, pending) = (Instant::now(), self.clone(), self.uploads.tasks.begin());
        self.uploads.tasks.spawn(async move {
            let _pending = pending;
            let uploads = &plain.uploads;
            let _turn = uploads.tasks.turn().await;
            let (key, bytes, waited_ns) = (action.graph_key(), entry.size_bytes, queued.elapsed().as_nanos() as u64);
            let span = info_span!(parent: None, "upload", action = %key, bytes, waited_ns);
            if !uploads.is_sound(&action, &entry).await {
                return uploads.give_up(&[action], &RemoteError::Gone { key: key.to_string() });
            }
            let _sending = uploads.stages.sending();
            match plain.upload(&action, &entry).instrument(span).await {
                Ok(()) => {
                    uploads.unsent.sent_in(Way::Plain, &[action]);
                    sent();
                }
                Err(error) => uploads.give_up(&[action], &error),
            }
        });
    }

    async fn upload(&self, action: &ActionId, entry: &Entry) -> Result<(), RemoteError> {
        let cell = self.bodies.lock().expect("no uploader panics").entry(entry.output).or_default().clone();
        let put_body = |attempt| self.objects.put_body(entry, attempt);
        cell.get_or_try_init(|| with_retries(patience(entry), put_body)).await?;
        // The last put of an action wins: a later one brings its own metadata.
        if self.uploads.local.peek(action).is_some_and(|(newest, _)| newest != *entry) {
            return Ok(());
        }
        with_retries(UPLOAD_PATIENCE, |attempt| self.objects.put_metadata(action, entry, attempt)).await
    }

    /// Uploads body, then metadata, once each and without a second attempt: what a put of the workshop waits for.
    pub async fn upload_now(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let attempt = Attempt { limit: PUT_PATIENCE, is_last: true, go_waits: true, is_large: false };
        self.uploads.count(action, &[Way::Plain]);
        let body = self.objects.put_body(&entry, attempt).await;
        let sent = match body {
            Ok(()) => self.objects.put_metadata(&action, &entry, attempt).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                self.uploads.unsent.sent_in(Way::Plain, &[action]);
                self.send_again();
            }
            Err(error) => self.uploads.give_up(&[action], &error),
        }
    }

    fn send_again(self: &Arc<Self>) {
        let plain = self.clone();
        self.uploads.send_again(move |action, entry| plain.push(action, entry));
    }
}
