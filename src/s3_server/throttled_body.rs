//! A body that passes the link: cut into pieces that take their time, and counted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::s3_server::link::faults::{Damage, Damaged};
use crate::s3_server::link::shaping::{Direction, ShapedLink};
use crate::s3_server::log::Exchange;

pub(crate) struct Paced<B> {
    inner: B,
    direction: Direction,
    link: Arc<ShapedLink>,
    /// Held to the end of the body: the exchange is over when both bodies are.
    exchange: Arc<Exchange>,
    /// Come in, but not booked on the link yet.
    rest: Bytes,
    /// Under way on the link.
    passing: Option<(Bytes, oneshot::Receiver<()>)>,
    damage: Option<Damage>,
}

impl<B> Paced<B> {
    pub(crate) fn new(inner: B, direction: Direction, link: &Arc<ShapedLink>, exchange: &Arc<Exchange>) -> Self {
        Paced {
            inner,
            direction,
            link: Arc::clone(link),
            exchange: Arc::clone(exchange),
            rest: Bytes::new(),
            passing: None,
            damage: None,
        }
    }

    /// A body that is damaged on its way.
    pub(crate) fn damaged(self, damage: Option<Damage>) -> Self {
        Self { damage, ..self }
    }

    /// Sends on a piece that has passed the link, damaged if a fault asks for it.
    fn out<E>(&mut self, piece: Bytes) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let piece = match self.damage.as_mut().map(|damage| damage.apply(piece.clone())) {
            None => piece,
            Some(Damaged::Piece(changed)) => changed,
            Some(Damaged::End) => return Poll::Ready(None),
            Some(Damaged::Never) => return Poll::Pending,
        };
        self.exchange.passed(self.direction, piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn held_bytes(&self) -> usize {
        self.rest.len() + self.passing.as_ref().map_or(0, |(piece, _)| piece.len())
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        loop {
            if let Some((piece, passed)) = &mut this.passing {
                // An error means that the link has been closed: nothing to wait for any more.
                let _ = ready!(Pin::new(passed).poll(context));
                let piece = std::mem::take(piece);
                this.passing = None;
                return this.out(piece);
            }
            if this.rest.is_empty() {
                match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => this.rest = data,
                        Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                    },
                    // The rest of it is to come yet.
                    None if this.damage.is_some_and(Damage::stalls) => return Poll::Pending,
                    end => return Poll::Ready(end),
                }
            }
            match this.link.book(this.direction, this.rest.len()) {
                Some((bytes, passed)) => this.passing = Some((this.rest.split_to(bytes), passed)),
                None => {
                    let all = std::mem::take(&mut this.rest);
                    return this.out(all);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held_bytes() == 0 && self.inner.is_end_stream() && self.damage.is_none_or(Damage::lets_end)
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held_bytes() as u64;
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + held);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}
