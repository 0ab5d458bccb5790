//! The end of a session: it waits for uploads as long as they move.

use std::time::Duration;

use tokio::time::Instant;

use crate::cache::uploads::session::Uploads;

/// When no upload has ended for so long, the end of a session asks whether the remote is still there.
const QUIET: Duration = Duration::from_secs(5);
/// When connections have taken nothing for this long, and no upload has ended, the end of a session waits for none.
const STANDSTILL: Duration = Duration::from_secs(10);
/// Bytes that connections have taken may be on their way for longer: at most so many, ...
const HIDDEN_BYTES: u64 = 1 << 20;
/// ... at this rate.
const HIDDEN_BYTES_PER_S: u64 = 64 << 10;

impl Uploads {
    /// Waits until nothing is pending, or until `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        tokio::select! {
            () = self.tasks.wait_for_pending(deadline) => {}
            () = self.look_after_remote() => {}
        }
    }

    /// Asks the remote whether it is still there while uploads stand still, and gives them up where it is and takes none: a
    /// build's end must not wait for that. Never ends.
    async fn look_after_remote(&self) {
        let (mut before, mut since) = (self.moved(), Instant::now());
        loop {
            tokio::time::sleep(QUIET).await;
            let now = self.moved();
            if now != before || !self.stages.is_sending() {
                (before, since) = (now, Instant::now());
                continue;
            }
            self.remote.is_still_there().await;
            let hidden = Duration::from_secs(self.queued_bytes().min(HIDDEN_BYTES) / HIDDEN_BYTES_PER_S);
            let is_on = self.remote.uploads_off_reason().is_none();
            if is_on && self.moved() == before && since.elapsed() >= STANDSTILL + hidden {
                self.remote.give_up_uploads(since.elapsed());
            }
        }
    }

    /// Changes whenever an upload moves.
    fn moved(&self) -> (u64, u64) {
        (self.pending(), self.remote.pieces_sent())
    }
}
