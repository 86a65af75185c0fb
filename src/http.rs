//! The upper floor: the vendor's surface and our own, as HTTP speaks of them. The only actix in the library.
//!
//! A connection is [taken](acceptor), and its first bytes [tell](connection) whether HTTP, TLS or a tunnel begins; a [proxy] leads
//! those here that look for the vendor. There are two ways on, and both lead to the same answers: ordinary requests are read and
//! answered in the [express] lane, and all others by actix, whose requests [enter](middleware::enter) here.
//!
//! A request is [recorded](journal_recorder), finds its path [on one page](paths), is [admitted](admission) and meets its handler. The
//! questions come in this order: unknown path 404, method 405, not emulated 501; then who is calling 401, how often 429; then the
//! body 415, 413, 400. A fault strikes before it is asked who is calling.

mod acceptor;
mod access_tokens;
mod admission;
mod answer;
pub(crate) mod body;
mod connection;
pub(crate) mod control;
mod customer_events;
pub(crate) mod customers;
mod express;
mod faults;
mod head;
pub(crate) mod hosts;
mod journal_recorder;
mod middleware;
mod outgoing;
mod paths;
mod prefixed_stream;
pub(crate) mod proxy;
mod request_context;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, Error};

use crate::world::World;
pub(crate) use acceptor::ServerHandle;
use body::ReadTimeout;
use control::access::Access;
use proxy::Proxy;
#[cfg(feature = "tls")]
use tls::Tls;

/// What every thread is given that serves.
#[derive(Clone)]
pub(crate) struct ServerState {
    world: Data<World>,
    access: Data<Access>,
    started: Data<control::Started>,
    proxy: Data<Proxy>,
    #[cfg(feature = "tls")]
    tls: Data<Tls>,
    /// How long a head, and then a body, may take to arrive.
    read_timeout: Duration,
}

impl ServerState {
    /// A world that begins to be served now.
    pub fn new(
        world: Arc<World>,
        access: Access,
        proxy: Proxy,
        #[cfg(feature = "tls")] tls: Arc<Tls>,
        read_timeout: Duration,
    ) -> ServerState {
        ServerState {
            world: Data::from(world),
            access: Data::new(access),
            started: Data::new(control::Started(Instant::now())),
            proxy: Data::new(proxy),
            #[cfg(feature = "tls")]
            tls: Data::from(tls),
            read_timeout,
        }
    }
}

/// What every thread runs.
fn app(
    server_state: ServerState,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    let app = App::new()
        .app_data(server_state.world)
        .app_data(server_state.started)
        .app_data(server_state.access)
        .app_data(server_state.proxy);
    #[cfg(feature = "tls")]
    let app = app.app_data(server_state.tls);
    app.app_data(Data::new(ReadTimeout(server_state.read_timeout)))
        .service(control::scope())
        .wrap(from_fn(middleware::enter))
}
