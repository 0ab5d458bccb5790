//! How what is in a pack gets into the local store while it comes in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::{SemaphorePermit, mpsc};

use crate::cache::local::index::entry::Origin;
use crate::cache::local::store::EMPTY_OUTPUT;
use crate::cache::pack::format::decoder::{PackDecoder, decompress};
use crate::cache::pack::format::layout::Directory;
use crate::cache::pack::read::packs::Packs;
use crate::cache::pack::read::schedule::{Progress, Transfer};
use crate::note::note;
use crate::protocol::OutputId;

impl Packs {
    /// Keeps frame after frame while the pieces of a pack come in; whether nothing of what came was damaged.
    pub(super) async fn keep_pack(
        self: &Arc<Self>,
        mut pieces: mpsc::UnboundedReceiver<Bytes>,
        transfer: &Transfer,
    ) -> bool {
        let mut decoder = PackDecoder::default();
        let mut directory: Option<Arc<Directory>> = None;
        let mut is_whole = true;
        while let Some(piece) = pieces.recv().await {
            transfer.received(piece.len());
            decoder.feed(&piece);
            match decoder.directory() {
                Ok(Some(found)) => {
                    self.keep_empty(&found);
                    directory = Some(Arc::new(found));
                }
                Ok(None) => {}
                Err(_) => return false,
            }
            let Some(directory) = &directory else { continue };
            while let Some((number, packed)) = decoder.frame(directory) {
                let _turn = self.turn(transfer).await;
                let (packs, directory) = (self.clone(), directory.clone());
                transfer.progress.send_replace(Progress::Unpacks);
                let keep = move || packs.remote.unpacking(|| packs.keep_frame(&directory, number, &packed));
                // A panic there is a frame that is missing.
                is_whole &= tokio::task::spawn_blocking(keep).await.unwrap_or(false);
                transfer.progress.send_replace(Progress::Frames(number + 1));
            }
        }
        is_whole
    }

    /// Waits for a turn to take a frame apart; what a get waits for needs none.
    async fn turn(&self, transfer: &Transfer) -> Option<SemaphorePermit<'_>> {
        if transfer.progress.receiver_count() > 0 {
            return None;
        }
        tokio::select! {
            turn = self.decoders.acquire() => Some(turn.expect("the semaphore is never closed")),
            () = transfer.hurry.notified() => None,
        }
    }

    /// Keeps the objects of a frame, then the entries that name them; whether all of them were as they had been.
    fn keep_frame(&self, directory: &Directory, number: usize, packed: &[u8]) -> bool {
        let frame = &directory.frames[number];
        let take = |plain: &[u8]| {
            let objects = directory.objects_of(frame, plain);
            let (good, contents): (Vec<_>, Vec<_>) = objects.map(|(n, object, it)| ((n, object.output), it)).unzip();
            let kept = good.iter().zip(contents).filter(|((_, output), content)| self.keep(content, output));
            (kept.map(|((n, _), _)| *n).collect::<Vec<_>>(), good.len() == frame.objects.len())
        };
        let Ok((kept, is_whole)) = decompress(frame, packed, take) else { return false };
        let is_kept = |object: Option<usize>| object.is_some_and(|object| kept.binary_search(&object).is_ok());
        self.keep_entries(directory, is_kept);
        is_whole
    }

    fn keep(&self, content: &[u8], output: &OutputId) -> bool {
        match self.local.keep_checked(content, output) {
            Ok(()) => true,
            Err(error) => {
                self.local_is_full(&error.to_string());
                false
            }
        }
    }

    /// Notes that the local store takes no more.
    pub(super) fn local_is_full(&self, reason: &str) {
        if !self.is_full.swap(true, Ordering::Relaxed) {
            note(format_args!("nothing more is fetched by this build: {reason}"));
        }
    }

    fn keep_empty(&self, directory: &Directory) {
        if directory.entries.iter().any(|entry| entry.object.is_none())
            && self.local.keep_empty_body(&EMPTY_OUTPUT).is_ok()
        {
            self.keep_entries(directory, |object| object.is_none());
        }
    }

    fn keep_entries(&self, directory: &Directory, is_kept: impl Fn(Option<usize>) -> bool) {
        let entries = directory.entries.iter().filter(|entry| is_kept(entry.object));
        let entries = entries.map(|entry| (entry.action, directory.entry(entry, EMPTY_OUTPUT)));
        self.local.keep_entries(entries, Origin::Fetched);
    }
}
