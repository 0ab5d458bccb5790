//! A body on its way up, and the watch that tells a slow upload from a stuck one.

use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures_util::stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::StreamBody;

/// The pieces in which a file is read: on the spot, because a file just written is in memory, and the trip to a blocking
/// pool takes longer.
const PIECE_BYTES: u64 = 128 * 1024;
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

    pub(super) fn from_file(path: &Path, size: u64) -> io::Result<Self> {
        let file = open(path, size)?;
        if size <= PIECE_BYTES {
            return Ok(Self::from_bytes(read_piece(&file, size)?));
        }
        let body = SdkBody::from_body_1_x(StreamBody::new(stream::iter(pieces(file, size))));
        Ok(Upload { body })
    }

    /// `head`, then a file.
    pub(super) fn from_file_after(head: Bytes, path: &Path, size: u64) -> io::Result<Self> {
        let all = std::iter::once(Ok(Frame::data(head))).chain(pieces(open(path, size)?, size));
        Ok(Upload { body: SdkBody::from_body_1_x(StreamBody::new(stream::iter(all))) })
    }

    /// `all` counts the pieces of all uploads.
    pub(super) fn into_parts(self, all: Arc<AtomicU64>) -> (ByteStream, Progress) {
        let progress = Progress { all, ..Progress::default() };
        let watched = Watched { body: self.body, progress: progress.clone() };
        (ByteStream::new(SdkBody::from_body_1_x(watched)), progress)
    }
}

fn open(path: &Path, size: u64) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.len() == size {
        Ok(file)
    } else {
        Err(io::Error::other("the file has another size than expected"))
    }
}

fn pieces(file: File, size: u64) -> impl Iterator<Item = io::Result<Frame<Bytes>>> {
    (0..size).step_by(PIECE_BYTES as usize).map(move |start| {
        let piece = read_piece(&file, PIECE_BYTES.min(size - start))?;
        Ok(Frame::data(piece))
    })
}

/// The next `bytes` of a file.
fn read_piece(file: &File, bytes: u64) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(bytes as usize);
    file.take(bytes).read_to_end(&mut piece)?;
    if piece.len() as u64 == bytes { Ok(piece.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Counts the pieces that have been handed to the connection.
#[derive(Clone, Default)]
pub(super) struct Progress {
    pieces: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
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
            self.progress.all.fetch_add(1, Ordering::Relaxed);
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

    #[test]
    fn a_file_of_another_size_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"four").unwrap();
        assert!(Upload::from_file(file.path(), 5).is_err());
        assert!(Upload::from_file(file.path(), 4).is_ok());
    }

    #[tokio::test]
    async fn a_large_file_goes_in_pieces_and_one_that_shrinks_meanwhile_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..PIECE_BYTES * 5 / 2).map(|at| at as u8).collect();
        std::fs::write(file.path(), &content).unwrap();
        let upload = || Upload::from_file(file.path(), content.len() as u64).unwrap().into_parts(Arc::default()).0;
        assert_eq!(upload().collect().await.unwrap().to_vec(), content);
        let cut = upload();
        file.as_file().set_len(PIECE_BYTES * 2).unwrap();
        assert!(cut.collect().await.is_err());
    }
}
