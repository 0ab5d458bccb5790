//! A body on its way up, and the watch that tells a slow upload from a stuck one.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_types::byte_stream::Length;
use bytes::Bytes;
use futures_util::stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::StreamBody;

/// Up to this many bytes a file, just written, is read on the spot: the trip to the blocking pool would take longer.
const WHOLE_FILE_BYTES: u64 = 128 * 1024;
/// The pieces in which a body in memory is sent, so that its progress can be seen.
const SLICE_BYTES: usize = 64 * 1024;

pub(super) struct Upload {
    body: SdkBody,
}

impl Upload {
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        if bytes.len() <= SLICE_BYTES {
            let body = SdkBody::from(bytes);
            return Upload { body };
        }
        let slices = (0..bytes.len()).step_by(SLICE_BYTES).map(move |start| {
            let end = bytes.len().min(start + SLICE_BYTES);
            Ok::<_, Infallible>(Frame::data(bytes.slice(start..end)))
        });
        let body = SdkBody::from_body_1_x(StreamBody::new(stream::iter(slices)));
        Upload { body }
    }

    pub(super) async fn from_file(path: &Path, size: u64) -> io::Result<Self> {
        if size <= WHOLE_FILE_BYTES {
            let bytes = std::fs::read(path)?;
            return if bytes.len() as u64 == size {
                Ok(Self::from_bytes(bytes.into()))
            } else {
                Err(io::Error::other("the file has another size than expected"))
            };
        }
        let file = ByteStream::read_from().path(path).length(Length::Exact(size));
        let body = file.build().await.map_err(io::Error::other)?.into_inner();
        Ok(Upload { body })
    }

    pub(super) fn into_parts(self) -> (ByteStream, Progress) {
        let progress = Progress::default();
        let watched = Watched { body: self.body, progress: progress.clone() };
        (ByteStream::new(SdkBody::from_body_1_x(watched)), progress)
    }
}

/// Counts the pieces that have been handed to the connection.
#[derive(Clone, Default)]
pub(super) struct Progress {
    pieces: Arc<AtomicU64>,
}

impl Progress {
    /// Runs `work` to its end; `None` once nothing has moved for `stall` (at most twice that).
    pub(super) async fn watch<T>(&self, stall: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let before = self.pieces.load(Ordering::Relaxed);
            if let Ok(done) = tokio::time::timeout(stall, &mut work).await {
                return Some(done);
            }
            if self.pieces.load(Ordering::Relaxed) == before {
                return None;
            }
        }
    }
}

struct Watched {
    body: SdkBody,
    progress: Progress,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = <SdkBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.progress.pieces.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn slow_is_not_stuck_but_stuck_is_noticed() {
        let stall = Duration::from_millis(200);
        let progress = Progress::default();
        let moving = progress.clone();
        let done = Arc::new(AtomicU64::new(0));
        let stop = Arc::clone(&done);
        let mover = std::thread::spawn(move || {
            while stop.load(Ordering::Relaxed) == 0 {
                moving.pieces.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(stall / 50);
            }
        });
        let slow = tokio::time::sleep(3 * stall);
        assert_eq!(progress.watch(stall, slow).await, Some(()));
        done.store(1, Ordering::Relaxed);
        mover.join().unwrap();
        let stuck = std::future::pending::<()>();
        assert_eq!(progress.watch(stall, stuck).await, None);
    }

    #[tokio::test]
    async fn a_file_of_another_size_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"four").unwrap();
        assert!(Upload::from_file(file.path(), 5).await.is_err());
        assert!(Upload::from_file(file.path(), 4).await.is_ok());
    }
}
