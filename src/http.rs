//! The HTTP layer: the emulated API and the control API, on one port.
//!
//! The [server] accepts connections. A [connection] starts with HTTP, TLS or CONNECT, which the [proxy] answers. One of two
//! [transports](transport) parses a request and calls [`respond`](respond::respond), which returns a
//! [`Response`](response::Response) for the transport to encode.
//!
//! `respond` asks in this order: is the path known (404) with this method (405) and emulated (501); does a fault match; is the
//! access token valid (401); is the rate limit reached (429); is the body JSON (415), small enough (413), in time (408) and valid
//! (400). The operations that issue tokens find the caller in the body, so they read it before they check the secret.

mod connection;
pub(crate) mod control;
mod cors;
mod faults;
mod handlers;
pub(crate) mod hosts;
mod log;
pub(crate) mod proxy;
pub(crate) mod request;
mod request_context;
mod respond;
mod response;
mod route;
mod server;
mod stream;
#[cfg(feature = "tls")]
pub(crate) mod tls;
mod transport;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::web::Data;
use actix_web::{App, Error};

use crate::world::World;
use control::access::Access;
use control::{BodyPause, Started};
use proxy::Proxy;
pub(crate) use server::ServerHandle;
#[cfg(feature = "tls")]
use tls::Tls;

/// What every serving thread shares.
#[derive(Clone)]
pub(crate) struct ServerState {
    world: Arc<World>,
    access: Arc<Access>,
    started: Arc<Started>,
    proxy: Arc<Proxy>,
    #[cfg(feature = "tls")]
    tls: Arc<Tls>,
    /// How long a head, and then a body, may take to arrive.
    read_timeout: Duration,
}

impl ServerState {
    pub fn new(
        world: Arc<World>,
        access: Access,
        proxy: Proxy,
        #[cfg(feature = "tls")] tls: Arc<Tls>,
        read_timeout: Duration,
    ) -> ServerState {
        ServerState {
            world,
            access: Arc::new(access),
            started: Arc::new(Started(Instant::now())),
            proxy: Arc::new(proxy),
            #[cfg(feature = "tls")]
            tls,
            read_timeout,
        }
    }
}

/// The control API as an actix-web app.
fn control_app(
    state: ServerState,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    let app = App::new()
        .app_data(Data::from(state.world))
        .app_data(Data::from(state.started))
        .app_data(Data::from(state.access))
        .app_data(Data::new(BodyPause(state.read_timeout)));
    #[cfg(feature = "tls")]
    let app = app.app_data(Data::from(state.tls));
    app.service(control::scope())
}
