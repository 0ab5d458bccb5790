//! How one object comes in: a pack, or a large output.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use crate::cache::pack::format::large::{LargeReader, Taken};
use crate::cache::pack::format::manifest::PackRecord;
use crate::cache::pack::read::packs::Packs;
use crate::cache::pack::read::schedule::{Progress, Transfer};
use crate::cache::remote::retry::is_worth_another_try;

/// The longest that a pack may take on its way.
const PACK_DEADLINE: Duration = Duration::from_secs(600);
/// A large output gets more time, as a link of this rate takes.
const SLOWEST_BYTES_PER_S: u64 = 1 << 20;

impl Packs {
    /// Fetches a pack and keeps what is in it; how long its bytes took, where it came. Any trouble costs hits, and was
    /// counted.
    pub(super) async fn read_pack(self: &Arc<Self>, key: &str, transfer: &Transfer) -> Option<Duration> {
        let fetched = self.remote.retry_ahead(|is_last| async move {
            // Not bounded: how long the link takes must not depend on how long the cores take. A pack is some MiB.
            let (sender, pieces) = mpsc::unbounded_channel();
            transfer.begins();
            let take = move |piece| sender.send(piece).is_ok();
            let stream = self
                .remote
                .stream(key, take, is_last, PACK_DEADLINE)
                .instrument(info_span!("remote.get_pack", first_byte_ns = Empty));
            let (streamed, is_whole) = tokio::join!(stream, self.keep_pack(pieces, transfer));
            if !is_whole {
                self.remote.found_damage();
            }
            if streamed.as_ref().is_err_and(|error| !is_last && is_worth_another_try(error)) {
                transfer.progress.send_replace(Progress::BacksOff);
            }
            streamed
        });
        fetched.await.ok().flatten()
    }

    /// Fetches an output that is too large for a pack: it goes into its file as it comes. `None` too where how long it took
    /// says nothing about packs.
    pub(super) async fn read_large(
        self: &Arc<Self>,
        key: &str,
        record: &PackRecord,
        transfer: &Transfer,
    ) -> Option<Duration> {
        let limit = PACK_DEADLINE + Duration::from_secs(u64::from(record.bytes) / SLOWEST_BYTES_PER_S);
        let fetched = self.remote.retry_ahead(|is_last| async move {
            let mut reader = LargeReader::new(self.local.clone());
            transfer.begins();
            let take = |piece: Bytes| {
                transfer.received(piece.len());
                reader.take(piece)
            };
            let stream = self.remote.stream(key, take, is_last, limit);
            let streamed = stream.instrument(info_span!("remote.get_pack", first_byte_ns = Empty)).await?;
            Ok(streamed.map(|_| reader.finish()))
        });
        match fetched.await {
            // A pack may be a little larger than the largest output in one.
            Ok(Some(Taken::Other)) => return self.read_pack(key, transfer).await,
            Ok(Some(Taken::Damaged)) => self.remote.found_damage(),
            Ok(Some(Taken::NoRoom(reason))) => self.local_is_full(&reason),
            // Any trouble is a miss, and was counted.
            Ok(Some(Taken::Kept) | None) | Err(_) => {}
        }
        None
    }
}
