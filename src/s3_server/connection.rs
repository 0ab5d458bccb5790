//! The connections of the server: http and https on one port, and the round trips that a new one costs.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, io::IoSlice};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::platform::clock::now_unix_ns;
use crate::s3_server::exchange::{Shared, exchange};
use crate::s3_server::link::shaping::ShapedLink;
use crate::s3_server::log::Log;
use crate::s3_server::record::{Connection, Handshakes};

/// The first byte of a connection that begins with a TLS handshake (RFC 8446, 5.1). No method of HTTP begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Accepts connections for ever. They are children of this task: they end with it.
pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let number = shared.log.connections_opened.fetch_add(1, Relaxed) + 1;
                    connections.spawn(connection(stream, number, tls.clone(), Arc::clone(&shared)));
                }
                // Out of file descriptors, most likely: let some connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves a connection to its end. The kernel has answered the client's handshakes at once, so the round trips that they take
/// are made up for by reading later.
async fn connection(stream: TcpStream, number: u64, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return; // the client has gone already
    }
    let accepted_unix_ns = now_unix_ns();
    let new = |is_tls, handshakes| Connection::new(number, accepted_unix_ns, is_tls, handshakes);
    let mut handshakes = Handshakes::default();
    pay(1, &mut handshakes, &shared.link).await;
    let mut first = [0];
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return; // it has ended without a byte
    }
    match tls {
        Some(tls) if first[0] == TLS_HANDSHAKE => {
            pay(1, &mut handshakes, &shared.link).await;
            let Ok(stream) = tls.accept(stream).await else { return };
            pay(more_round_trips(stream.get_ref().1), &mut handshakes, &shared.link).await;
            serve(stream, new(true, handshakes), &shared).await;
        }
        _ => serve(stream, new(false, handshakes), &shared).await,
    }
}

/// Waits for what round trips of a handshake take.
async fn pay(round_trips: u32, handshakes: &mut Handshakes, link: &ShapedLink) {
    handshakes.round_trips += round_trips;
    handshakes.delay += link.hold(link.round_trips(round_trips)).await;
}

/// Round trips that a finished handshake took beyond the one of TLS 1.3.
fn more_round_trips(tls: &ServerConnection) -> u32 {
    match (tls.protocol_version(), tls.handshake_kind()) {
        (_, Some(HandshakeKind::FullWithHelloRetryRequest)) => 1,
        (Some(ProtocolVersion::TLSv1_2), Some(HandshakeKind::Full)) => 1,
        _ => 0,
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, connection: Connection, shared: &Arc<Shared>) {
    let connection = Arc::new(connection);
    let noted =
        Noted { stream, log: Arc::clone(&shared.log), connection: Arc::clone(&connection), written_unix_ns: None };
    let service = service_fn(move |request| exchange(Arc::clone(shared), Arc::clone(&connection), request));
    // A connection that breaks is the client's to report.
    drop(http1::Builder::new().serve_connection(TokioIo::new(noted), service).await);
}

/// A stream that notes in the log when all that was written to it has been handed to the kernel.
struct Noted<S> {
    stream: S,
    log: Arc<Log>,
    connection: Arc<Connection>,
    /// When the last write that may not have been handed on began, Unix nanoseconds. Its end would be too late: this thread may
    /// wait for its turn while the client reads already.
    written_unix_ns: Option<u64>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written_unix_ns = Some(now_unix_ns());
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written_unix_ns = Some(now_unix_ns());
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if let Some(written_unix_ns) = self.written_unix_ns.take()
            && let Some(number) = self.connection.answered()
            && self.log.sent(number, written_unix_ns)
        {
            // An interim answer to the next request (100 Continue) must not count for this one.
            self.connection.end_answer();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
