//! The full transport: all of HTTP/1.1, by actix-http. It also serves the control API, by actix-web.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, Payload, Request};
use actix_service::boxed::{self, BoxService};
use actix_service::{Service, ServiceFactory, fn_service};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header::{HeaderValue, ORIGIN};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::OnceCell;
use tokio::time::{Duration, Sleep, sleep, timeout};

use super::{DRIP_INTERVAL, KEEP_ALIVE, LINGER_TIMEOUT, drip_bytes};
use crate::http::control::access::is_for_yotpo;
use crate::http::control::{ControlError, HEALTH};
use crate::http::request::{RequestBody, RequestHead};
use crate::http::respond::{respond, stall_forever};
use crate::http::response::{Delivery, Response};
use crate::http::route::is_control;
use crate::http::stream::{ResetOnClose, Stream};
use crate::http::{ServerState, control_app, cors};
use crate::world::fault::Disconnect;
use crate::world::journal::InFlight;

/// How many bytes of a body actix gets at once. It asks for more when the socket has taken most of them, so that a request is
/// in flight almost until its response is sent.
const CHUNK_BYTES: usize = 256 * 1024;

/// How much actix writes at once: a page of 100 ordinary customers.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// The longest rest of a body that is read and discarded after a response that did not need it, so that the connection can be
/// used again; and how long that may take.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_millis(500);

type Connections = BoxService<(Stream, Option<SocketAddr>), (), DispatchError>;
type ControlApp = BoxService<Request, ServiceResponse<BoxBody>, Error>;

/// The full transport of one thread.
pub(in crate::http) struct FullTransport(Connections);

impl FullTransport {
    pub async fn new(state: ServerState) -> FullTransport {
        let read_timeout = state.read_timeout;
        let handler = Rc::new(Handler { state, control_app: OnceCell::new() });
        let http = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(read_timeout)
            .h1_write_buffer_size(WRITE_BUFFER_BYTES)
            .on_connect_ext(|stream: &Stream, extensions: &mut Extensions| {
                extensions.insert(stream.reset_on_close().clone());
            })
            .h1(fn_service(move |request| {
                let handler = handler.clone();
                async move { Ok::<_, Infallible>(handler.handle(request).await) }
            }));
        let http = http.new_service(()).await;
        FullTransport(boxed::service(http.expect("a function is always ready")))
    }

    /// Serves a connection until it ends. An error means that the client has gone.
    pub async fn serve(&self, stream: Stream) {
        let peer = stream.tcp().peer_addr().ok();
        let _ = self.0.call((stream, peer)).await;
    }
}

struct Handler {
    state: ServerState,
    /// Initialised at its first request: most tests never use it, and building its routes takes longer than the rest of a start.
    control_app: OnceCell<ControlApp>,
}

impl Handler {
    async fn handle(&self, request: Request) -> actix_http::Response<BoxBody> {
        let access = &self.state.access;
        let head = request.head();
        if let Some(response) = cors::preflight(access, head) {
            return response;
        }
        let refusal = self.state.proxy.check(&head.method, &head.uri).map(refuse);
        if refusal.is_none() && (!is_control(request.path()) || is_for_yotpo(head)) {
            return self.respond(request).await;
        }
        let origin = head.headers().get(ORIGIN).map(HeaderValue::as_bytes);
        let cors_headers = cors::headers(access, origin);
        let mut response = match refusal {
            Some(refusal) => refusal,
            None => self.control(request).await,
        };
        for (name, value) in cors_headers.into_iter().flatten() {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Responds to a request to the emulated API.
    async fn respond(&self, mut request: Request) -> actix_http::Response<BoxBody> {
        let mut payload = request.take_payload();
        let reset_on_close = request.conn_data::<ResetOnClose>().cloned();
        let head = RequestHead::from_actix(request.head());
        let body = RequestBody::streaming(&mut payload, self.state.read_timeout);
        let Some((response, in_flight)) = respond(&self.state, &head, body).await else {
            return stall_forever().await;
        };
        if response.delivery == Delivery::Disconnected(Disconnect::Reset)
            && let Some(reset_on_close) = reset_on_close
        {
            reset_on_close.set();
        }
        // With these statuses the body was read to its end, or reading it failed and must not be tried again.
        let was_read = matches!(response.status.as_u16(), 400 | 408 | 413) || !response.is_sent();
        let unread = (was_read || !discard(&mut payload, &head).await).then_some(payload);
        encode(response, in_flight, unread)
    }

    /// Responds to a request to the control API, if its sender may use it.
    async fn control(&self, request: Request) -> actix_http::Response<BoxBody> {
        let is_health = request.path() == HEALTH;
        if let Err(error) = self.state.access.check(request.head(), is_health) {
            return HttpResponse::from_error(error).into();
        }
        let Some(in_flight) = self.state.world.journal.begin_request() else {
            return stall_forever().await;
        };
        let app = self.control_app.get_or_init(|| async {
            let app = control_app(self.state.clone());
            let app = actix_service::IntoServiceFactory::<_, Request>::into_factory(app);
            let app = app.new_service(AppConfig::default()).await;
            boxed::service(app.expect("no part of the app can fail to start"))
        });
        match AssertUnwindSafe(app.await.call(request)).catch_unwind().await {
            Ok(Ok(response)) => {
                let response: actix_http::Response<BoxBody> = response.into();
                response.map_body(|_, body| match body.try_into_bytes() {
                    Ok(bytes) => BoxBody::new(Body::new(bytes, in_flight, None)),
                    Err(body) => BoxBody::new(StreamedBody { body, _in_flight: in_flight }),
                })
            }
            Ok(Err(error)) => error.error_response().into(),
            Err(_) => HttpResponse::from_error(ControlError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the emulator failed while it answered",
                "this is a bug in it; its message is on stderr",
            ))
            .into(),
        }
    }
}

/// The response to a proxy request that the emulator does not answer.
fn refuse(error: ControlError) -> actix_http::Response<BoxBody> {
    let mut response = HttpResponse::from_error(error);
    response.head_mut().set_connection_type(ConnectionType::Close);
    response.into()
}

/// Reads the rest of a request's body if it is short; `false` if it is not, or does not end.
///
/// A client that waits for `100 Continue` has been told to send its body by now.
async fn discard(payload: &mut Payload, head: &RequestHead<'_>) -> bool {
    if head.content_length().is_some_and(|length| length > MAX_DISCARDED_BYTES) {
        return false;
    }
    let mut left = MAX_DISCARDED_BYTES;
    let discard = async {
        while let Some(chunk) = payload.next().await {
            match chunk.ok().and_then(|chunk| left.checked_sub(chunk.len())) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        true
    };
    timeout(DISCARD_TIMEOUT, discard).await.unwrap_or(false)
}

fn encode(response: Response, in_flight: InFlight, unread: Option<Payload>) -> actix_http::Response<BoxBody> {
    let mut encoded = actix_http::Response::new(response.status);
    for (name, value) in response.headers() {
        encoded.headers_mut().append(name.clone(), value.clone());
    }
    let length = response.body.len();
    let mut body = Body::new(response.body, in_flight, unread);
    match response.delivery {
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
            body.length = 1;
            body.is_truncated = true;
            body.lingers = false;
        }
    }
    encoded.set_body(BoxBody::new(body))
}

/// The body of a response, which keeps its request in flight until actix has taken the last chunk.
struct Body {
    length: usize,
    rest: Bytes,
    chunk_bytes: usize,
    /// How long to wait before each chunk.
    interval: Option<Duration>,
    /// Whether the connection is closed after `rest`.
    is_truncated: bool,
    /// Whether what was sent gets time to leave before that.
    lingers: bool,
    wait: Option<Pin<Box<Sleep>>>,
    _in_flight: InFlight,
    /// What is left of the request's body. While this is held, actix does not wait for its end, and closes the connection after
    /// the response.
    _unread: Option<Payload>,
}

impl Body {
    fn new(bytes: Bytes, in_flight: InFlight, unread: Option<Payload>) -> Body {
        Body {
            length: bytes.len(),
            rest: bytes,
            chunk_bytes: CHUNK_BYTES,
            interval: None,
            is_truncated: false,
            lingers: true,
            wait: None,
            _in_flight: in_flight,
            _unread: unread,
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
        BodySize::Sized(u64::try_from(self.length).expect("a length in memory fits 64 bits"))
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
struct Truncated;

/// A body that is produced while it is sent, and keeps its request in flight.
struct StreamedBody {
    body: BoxBody,
    _in_flight: InFlight,
}

impl MessageBody for StreamedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
