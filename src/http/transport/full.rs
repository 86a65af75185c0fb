//! The full transport: all of HTTP/1.1, by actix-http. It also serves the control API, by actix-web.

mod encoding;
mod run_to_end;
mod unread_body;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;

use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::{DispatchError, PayloadError};
use actix_http::{Extensions, HttpService, Payload, Request};
use actix_service::boxed::{self, BoxService};
use actix_service::{Service, ServiceFactory, fn_service};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header::{HeaderValue, ORIGIN};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::OnceCell;

use super::KEEP_ALIVE;
use crate::http::control;
use crate::http::control::access::is_for_yotpo;
use crate::http::control::{ControlError, HEALTH};
use crate::http::log::log_rejected_control;
use crate::http::request::{ArrivingBody, RequestBody, RequestHead};
use crate::http::respond::{respond, stall_forever};
use crate::http::response::Delivery;
use crate::http::route::is_control;
use crate::http::stream::{ResetOnClose, Stream};
use crate::http::{ServerState, control_app, cors};
use crate::world::fault::Disconnect;
use encoding::{Body, encode, hold};
use run_to_end::RunToEnd;
use unread_body::{SharedBody, discard};

/// How much actix writes at once: a page of 100 ordinary customers.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

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
            let error = access.check_api(head).err().filter(|_| !is_control)?;
            tracing::warn!("rejected a request: {error}");
            Some(error)
        });
        if refused.is_none() && !is_control {
            return self.respond(request).await;
        }
        let origin = head.headers().get(ORIGIN).map(HeaderValue::as_bytes);
        let cors_headers = cors::headers(access, origin);
        let content_length = RequestHead::from_actix(head).content_length();
        let payload = SharedBody::new(request.take_payload().into());
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
        if is_control {
            for (name, value) in control::own_site_headers(cors_headers.is_some()) {
                response.headers_mut().insert(name, value);
            }
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
        let offers_upgrade = request.head().upgrade();
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
        let mut encoded = encode(response, is_head, in_flight, unread);
        if offers_upgrade {
            // Actix ends such a connection after the response; without this, it announces an upgrade instead.
            encoded.head_mut().set_connection_type(ConnectionType::Close);
        }
        encoded
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
