//! When packs are published: a manifest names them at the end of the session, and where nothing more is put.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::cache::uploads::attempts::{UPLOAD_PATIENCE, with_retries};
use crate::cache::uploads::pack::PackUploads;
use crate::cache::uploads::unsent::Way;

/// Packs that are out so long before the deadline are published, even when the rest is not out.
const MANIFEST_MARGIN: Duration = Duration::from_secs(5);
/// How often the end of a session looks whether what earlier ones left is queued.
const QUEUEING_CHECK: Duration = Duration::from_millis(1);
/// A session that puts nothing for so long sends what has gathered.
const IDLE: Duration = Duration::from_secs(5);

impl PackUploads {
    /// Sends what has gathered, waits for the packs on their way until `deadline`, and publishes those that are out.
    async fn publish(self: &Arc<Self>, deadline: Option<Instant>) {
        if let Some(batch) = self.writer.take() {
            self.start_pack(batch);
        }
        let under_way = std::mem::take(&mut *self.under_way.lock().expect("no uploader panics"));
        // A panic there is a pack that is missing, and counted as left.
        let all = futures_util::future::join_all(under_way);
        match deadline {
            Some(deadline) => drop(tokio::time::timeout_at(deadline, all).await),
            None => drop(all.await),
        }
        self.publish_manifest().await;
    }

    /// Publishes, and does so again with what earlier sessions left where that has been queued meanwhile.
    async fn publish_all(self: &Arc<Self>, deadline: Instant) {
        self.publish(Some(deadline)).await;
        while self.uploads().is_sending_again() && Instant::now() < deadline {
            tokio::time::sleep(QUEUEING_CHECK).await;
        }
        self.publish(Some(deadline)).await;
    }

    /// Publishes the packs that are out in a manifest.
    pub(super) async fn publish_manifest(&self) {
        let _alone = self.publishing.lock().await;
        let used = self.reader.access_order();
        let uses = used.len();
        let Some(manifest) = self.writer.manifest(used) else { return };
        let (bytes, entries) = (manifest.content.len(), manifest.actions.len());
        let span = info_span!(parent: None, "upload", manifest = %manifest.key, bytes, entries);
        let put = |attempt| self.uploads().remote.put_object(&manifest.key, manifest.content.clone(), attempt);
        let _sending = self.uploads().stages.sending();
        match with_retries(UPLOAD_PATIENCE, put).instrument(span).await {
            Ok(()) => {
                self.writer.published(&manifest);
                self.reader.published(uses);
                self.uploads().unsent.sent_in(Way::Packs, &manifest.actions);
            }
            Err(error) => self.uploads().remote.give_up_upload(&error),
        }
    }

    /// True if entries are out, or may be, that no manifest names.
    pub fn has_unpublished(&self) -> bool {
        self.uploads().unsent.left() > 0 && self.uploads().remote.uploads_off_reason().is_none()
    }

    /// Sends and publishes what has gathered, and waits until nothing is pending, or until `deadline`.
    pub async fn drain(self: &Arc<Self>, deadline: Instant) {
        if self.has_unpublished() {
            let (packs, manifest) = (self.clone(), self.uploads().tasks.begin());
            self.uploads().tasks.spawn(async move {
                let margin = MANIFEST_MARGIN.min(deadline.duration_since(Instant::now()) / 4);
                packs.publish_all(deadline - margin).await;
                drop(manifest);
            });
        }
        self.uploads().drain(deadline).await;
    }

    /// `go run ./server` may hold the session for days: what was put goes out when nothing more comes.
    pub(super) fn watch_idleness(self: &Arc<Self>) {
        if self.watches_idleness.swap(true, Ordering::Relaxed) {
            return;
        }
        let packs = self.clone();
        self.uploads().tasks.spawn(async move {
            let mut before = 0;
            loop {
                tokio::time::sleep(IDLE).await;
                let now = packs.uploads().entries();
                if now == before && packs.uploads().counts().left > 0 {
                    // The end of the session waits for the manifest too.
                    let manifest = packs.uploads().tasks.begin();
                    packs.publish(None).await;
                    drop(manifest);
                }
                before = now;
            }
        });
    }
}
