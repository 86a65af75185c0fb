//! Connections that begin with a handshake.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Request};
use actix_service::boxed::{self, BoxService};
use actix_service::{Service, ServiceFactory, fn_factory};
use actix_web::Error;
use actix_web::dev::{Extensions, ServiceResponse};
use actix_web::web::Data;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::KEEP_ALIVE;
use crate::http::tls::{self, Tls};
use crate::os::Socket;

type Inside = TlsStream<TcpStream>;

/// What serves them.
pub(super) struct Secured {
    http: BoxService<(Inside, Option<SocketAddr>), (), DispatchError>,
    tls: Data<Tls>,
    /// How long a handshake may take.
    patience: Duration,
}

impl Secured {
    pub async fn new<A>(app: Rc<A>, tls: Data<Tls>, read_timeout: Duration) -> Secured
    where
        A: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
    {
        let http = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(read_timeout)
            .on_connect_ext(|stream: &Inside, extensions: &mut Extensions| {
                extensions.insert(Socket::of(stream.get_ref().0));
            })
            .h1(fn_factory(move || {
                let app = app.clone();
                async { Ok::<_, ()>(app) }
            }));
        let http = http.new_service(()).await;
        Secured {
            http: boxed::service(http.expect("the app is there already")),
            tls,
            patience: read_timeout,
        }
    }

    /// Shakes hands and serves what is spoken inside.
    pub async fn serve(&self, stream: TcpStream) {
        let peer = stream.peer_addr().ok();
        let handshake = TlsAcceptor::from(self.tls.config()).accept(stream);
        match timeout(self.patience, handshake).await {
            Ok(Ok(stream)) => {
                // As in clear, how it ends is the client's affair.
                let _ = self.http.call((stream, peer)).await;
            }
            Ok(Err(error)) => tls::log_handshake_error(&error),
            Err(_) => tracing::info!("a TLS handshake was not finished in {:?}", self.patience),
        }
    }
}
