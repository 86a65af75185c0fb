//! Responses as actix-http sends them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::CONTENT_LENGTH;
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Duration, Sleep, sleep};

use crate::http::request::ArrivingBody;
use crate::http::response::{Delivery, Response};
use crate::http::transport::{DRIP_INTERVAL, LINGER_TIMEOUT, drip_bytes};
use crate::world::fault::may_have_body;
use crate::world::journal::InFlight;

/// How many bytes of a body actix gets at once. It asks for more when the socket has taken most of them, so that a request is
/// in flight almost until its response is sent.
const CHUNK_BYTES: usize = 256 * 1024;

pub fn encode(
    response: Response,
    is_head: bool,
    in_flight: InFlight,
    unread: Option<ArrivingBody>,
) -> actix_http::Response<BoxBody> {
    let mut encoded = actix_http::Response::new(response.status);
    for (name, value) in response.headers() {
        encoded.headers_mut().append(name.clone(), value.clone());
    }
    let length = response.body.len();
    let mut body = Body::new(response.body);
    match response.delivery {
        // Actix would take the method from the request that it has read last, which may be a later one.
        Delivery::Normal | Delivery::Throttled { .. } if is_head => {
            if may_have_body(response.status.as_u16()) {
                encoded.headers_mut().insert(CONTENT_LENGTH, length.into());
                encoded.head_mut().no_chunking(true);
                body.size = BodySize::Stream;
            }
            body.rest = Bytes::new();
        }
        Delivery::Normal => {}
        Delivery::Throttled { sent_bytes, bytes_per_second } => {
            body.rest.truncate(sent_bytes);
            body.is_truncated = sent_bytes < length;
            if let Some(bytes_per_second) = bytes_per_second {
                body.chunk_bytes = drip_bytes(bytes_per_second);
                body.interval = Some(DRIP_INTERVAL);
            }
        }
        // A body that fails at once makes actix close the connection before it sends the head.
        Delivery::Disconnected(_) => {
            body.rest = Bytes::new();
            body.size = BodySize::Sized(1);
            body.is_truncated = true;
            body.lingers = false;
        }
    }
    encoded.set_body(hold(body, (in_flight, unread)))
}

/// The body of a response.
pub struct Body {
    size: BodySize,
    rest: Bytes,
    chunk_bytes: usize,
    /// How long to wait before each chunk.
    interval: Option<Duration>,
    /// Whether the connection is closed after `rest`.
    is_truncated: bool,
    /// Whether what was sent gets time to leave before that.
    lingers: bool,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Body {
    pub fn new(bytes: Bytes) -> Body {
        Body {
            size: BodySize::Sized(u64::try_from(bytes.len()).expect("a length in memory fits 64 bits")),
            rest: bytes,
            chunk_bytes: CHUNK_BYTES,
            interval: None,
            is_truncated: false,
            lingers: true,
            wait: None,
        }
    }

    /// How long to wait before the next chunk, or before the connection is closed.
    fn next_wait(&self) -> Option<Duration> {
        if self.rest.is_empty() { (self.is_truncated && self.lingers).then_some(LINGER_TIMEOUT) } else { self.interval }
    }
}

impl MessageBody for Body {
    type Error = Truncated;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Truncated>>> {
        if self.wait.is_none() {
            self.wait = self.next_wait().map(|wait| Box::pin(sleep(wait)));
        }
        if let Some(wait) = &mut self.wait {
            ready!(wait.poll_unpin(context));
            self.wait = None;
        }
        if self.rest.is_empty() {
            return Poll::Ready(self.is_truncated.then_some(Err(Truncated)));
        }
        let length = self.chunk_bytes.min(self.rest.len());
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

/// Makes actix close the connection in the middle of a response.
#[derive(Debug, thiserror::Error)]
#[error("a fault truncates the response here")]
pub struct Truncated;

/// A body that keeps something until actix has taken its last chunk: its request in flight, or the unread rest of its request.
pub fn hold(body: impl MessageBody + Unpin + 'static, held: impl Unpin + 'static) -> BoxBody {
    BoxBody::new(HoldingBody { body, _held: held })
}

struct HoldingBody<B, T> {
    body: B,
    _held: T,
}

impl<B: MessageBody + Unpin, T: Unpin> MessageBody for HoldingBody<B, T> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
