//! The full transport: all of HTTP/1.1, by actix-http. It also serves the control API, by actix-web.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::error::{DispatchError, PayloadError};
use actix_http::{Extensions, HttpService, Payload, Request};
use actix_service::boxed::{self, BoxService};
use actix_service::{Service, ServiceFactory, fn_service};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue, ORIGIN};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::rt;
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::OnceCell;
use tokio::time::{Duration, Instant, Sleep, sleep, timeout_at};

use super::{DRIP_INTERVAL, KEEP_ALIVE, LINGER_TIMEOUT, drip_bytes};
use crate::http::control::access::is_for_yotpo;
use crate::http::control::{ControlError, HEALTH};
use crate::http::log::log_rejected_control;
use crate::http::request::{ArrivingBody, RequestBody, RequestHead};
use crate::http::respond::{respond, stall_forever};
use crate::http::response::{Delivery, Response};
use crate::http::route::is_control;
use crate::http::stream::{ResetOnClose, Stream};
use crate::http::{ServerState, control_app, cors};
use crate::world::fault::{Disconnect, may_have_body};
use crate::world::journal::InFlight;

/// How many bytes of a body actix gets at once. It asks for more when the socket has taken most of them, so that a request is
/// in flight almost until its response is sent.
const CHUNK_BYTES: usize = 256 * 1024;

/// How much actix writes at once: a page of 100 ordinary customers.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// The longest rest of a body that is read and discarded before a response that does not need it, and how long the client may
/// pause meanwhile. Many clients read no response before they have sent their body, and see a broken pipe instead.
const MAX_DISCARDED_BYTES: usize = 64 * 1024 * 1024;
const DISCARD_PAUSE: Duration = Duration::from_millis(500);

type Connections = BoxService<(Stream, Option<SocketAddr>), (), DispatchError>;
type BoxedStream = Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, PayloadError>>>>;
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
    async fn handle(&self, mut request: Request) -> actix_http::Response<BoxBody> {
        let access = &self.state.access;
        let head = request.head();
        if let Some(response) = cors::preflight(access, head) {
            return response;
        }
        let is_control = is_control(request.path()) && !is_for_yotpo(head);
        let refused = self.state.proxy.check(&head.method, &head.uri);
        let refused = refused.or_else(|| {
            let error = access.check_api_host(head).err().filter(|_| !is_control)?;
            tracing::warn!("rejected a request: {error}");
            Some(error)
        });
        if refused.is_none() && !is_control {
            return self.respond(request).await;
        }
        let origin = head.headers().get(ORIGIN).map(HeaderValue::as_bytes);
        let cors_headers = cors::headers(access, origin);
        let content_length = RequestHead::from_actix(head).content_length();
        let payload = SharedBody(Rc::new(RefCell::new(request.take_payload().into())));
        let (request, _) =
            request.replace_payload(Payload::Stream { payload: Box::pin(payload.clone()) as BoxedStream });
        let mut response = match refused {
            Some(error) => refuse(error),
            None => self.control(request).await,
        };
        let status = response.status();
        if let Some(unread) = discard(payload, content_length, status, self.state.read_timeout).await {
            response = response.map_body(|_, body| hold(body, unread));
        }
        for (name, value) in cors_headers.into_iter().flatten() {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// Responds to a request to the emulated API.
    async fn respond(&self, mut request: Request) -> actix_http::Response<BoxBody> {
        let reset_on_close = request.conn_data::<ResetOnClose>().cloned();
        let is_head = request.method() == Method::HEAD;
        let state = self.state.clone();
        let responded = RunToEnd::new(async move {
            let mut payload = ArrivingBody::from(request.take_payload());
            let head = RequestHead::from_actix(request.head());
            let body = RequestBody::streaming(&mut payload, state.read_timeout);
            let (response, in_flight) = respond(&state, &head, body).await?;
            let content_length = head.content_length();
            let unread = match response.is_sent() {
                true => discard(payload, content_length, response.status, state.read_timeout).await,
                false => Some(payload),
            };
            Some((response, in_flight, unread))
        });
        let Some((response, in_flight, unread)) = responded.await else {
            return stall_forever().await;
        };
        if response.delivery == Delivery::Disconnected(Disconnect::Reset)
            && let Some(reset_on_close) = reset_on_close
        {
            reset_on_close.set();
        }
        encode(response, is_head, in_flight, unread)
    }

    /// Responds to a request to the control API, if its sender may use it.
    async fn control(&self, request: Request) -> actix_http::Response<BoxBody> {
        let is_health = request.path() == HEALTH;
        let (method, path) = (request.method().clone(), request.path().to_owned());
        if let Err(error) = self.state.access.check(request.head(), is_health) {
            log_rejected_control(&method, &path, error.status(), &error);
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
                if let Some(error) = response.response().error() {
                    log_rejected_control(&method, &path, response.status(), error);
                }
                let response: actix_http::Response<BoxBody> = response.into();
                response.map_body(|_, body| match body.try_into_bytes() {
                    Ok(bytes) => hold(Body::new(bytes), in_flight),
                    Err(body) => hold(body, in_flight),
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

/// The response to a request for a host that the emulator does not answer for.
fn refuse(error: ControlError) -> actix_http::Response<BoxBody> {
    let mut response = HttpResponse::from_error(error);
    response.head_mut().set_connection_type(ConnectionType::Close);
    response.into()
}

/// The body of a request to the control API, whose rest can be read when actix-web has dropped its handle.
#[derive(Clone)]
struct SharedBody(Rc<RefCell<ArrivingBody>>);

impl futures_util::Stream for SharedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(context)
    }
}

/// A request that is handled to its end even if actix drops it because the client has gone, as on the fast transport.
struct RunToEnd<F: Future + 'static>(Option<Pin<Box<F>>>);

impl<F: Future + 'static> RunToEnd<F> {
    fn new(future: F) -> RunToEnd<F> {
        RunToEnd(Some(Box::pin(future)))
    }
}

impl<F: Future + 'static> Future for RunToEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("it is not polled after its end");
        let output = ready!(future.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F: Future + 'static> Drop for RunToEnd<F> {
    fn drop(&mut self) {
        if let Some(future) = self.0.take() {
            rt::spawn(async { drop(future.await) });
        }
    }
}

/// Reads the rest of a request's body before a response with `status`. Returns the body if it is too long or does not end within
/// `time_limit`: while it is held, actix does not wait for its end, and closes the connection after the response.
///
/// A client that waits for `100 Continue` has been told to send its body by now.
async fn discard<P>(mut payload: P, length: Option<usize>, status: StatusCode, time_limit: Duration) -> Option<P>
where
    P: futures_util::Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    // A client whose body did not arrive in time gets no more time.
    if status == StatusCode::REQUEST_TIMEOUT || length.is_some_and(|length| length > MAX_DISCARDED_BYTES) {
        return Some(payload);
    }
    let deadline = Instant::now() + time_limit;
    let mut left = MAX_DISCARDED_BYTES;
    loop {
        let pause = deadline.min(Instant::now() + DISCARD_PAUSE);
        match timeout_at(pause, payload.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(chunk))) if chunk.len() <= left => left -= chunk.len(),
            Ok(Some(_)) | Err(_) => return Some(payload),
        }
    }
}

fn encode(
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
struct Body {
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
    fn new(bytes: Bytes) -> Body {
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
struct Truncated;

/// A body that keeps something until actix has taken its last chunk: its request in flight, or the unread rest of its request.
fn hold(body: impl MessageBody + Unpin + 'static, held: impl Unpin + 'static) -> BoxBody {
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
