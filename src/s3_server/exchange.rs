//! The way of one request through the server: log, faults, signature and operation, latency, answer.

use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use s3s::Body;
use s3s::service::S3Service;

use crate::s3_server::access::keys::Keys;
use crate::s3_server::api::store::Store;
use crate::s3_server::link::faults::{Damage, FaultKind, Faults};
use crate::s3_server::link::shaping::{Direction, ShapedLink};
use crate::s3_server::log::Log;
use crate::s3_server::record::Connection;
use crate::s3_server::throttled_body::Paced;

/// Ends a connection.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The parts of a server that all its connections use.
pub(super) struct Shared {
    pub(super) service: S3Service,
    pub(super) store: Arc<Store>,
    pub(super) keys: Arc<Keys>,
    pub(super) link: Arc<ShapedLink>,
    pub(super) log: Arc<Log>,
    pub(super) faults: Faults,
}

/// Answers a request; an error ends its connection.
pub(super) async fn exchange(
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    mut request: Request<Incoming>,
) -> Result<Response<Paced<Body>>, BoxError> {
    let Shared { service, link, log, faults, .. } = &*shared;
    let exchange = log.begin(&request, &connection);
    let fault = faults.draw().filter(|fault| fault.concerns(exchange.operation()));
    if fault.is_some() {
        log.fault_injected();
    }
    join_repeated(request.headers_mut());
    let request = request.map(|body| {
        let up = Paced::new(body, Direction::Up, link, &exchange);
        Body::http_body_unsync(up)
    });
    let response = match fault {
        Some(FaultKind::Silence) => std::future::pending().await,
        Some(FaultKind::Drop) => return Err("dropped on purpose".into()),
        Some(kind) if let Some(refusal) = kind.refusal() => refuse(request, refusal).await?,
        _ => service.call(request).await?,
    };
    let asked = link.next_delay();
    let injected = link.hold(asked).await;
    exchange.answered(response.status().as_u16(), asked, injected);
    let length_bytes = response.body().size_hint().exact().unwrap_or(0);
    let damage = fault.and_then(|kind| Damage::new(kind, length_bytes));
    Ok(response.map(|body| Paced::new(body, Direction::Down, link, &exchange).damaged(damage)))
}

/// Makes one header of those of the same name, as HTTP and the signature see them: `s3s` refuses repeated ones, but an SDK sends
/// `Content-Encoding` twice where the caller sets it and the body is chunked.
fn join_repeated(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().cloned().collect();
    for name in names {
        let values: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        if values.len() > 1
            && let Ok(joined) = HeaderValue::from_bytes(&values.join(&b","[..]))
        {
            headers.insert(name, joined);
        }
    }
}

/// An error as S3 gives it, once the whole request has come: before that the client could take it for a broken connection.
async fn refuse(request: Request<Body>, (status, code): (u16, &str)) -> Result<Response<Body>, BoxError> {
    request.into_body().collect().await?;
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    Ok(Response::builder().status(status).header("content-type", "application/xml").body(Body::from(xml))?)
}
