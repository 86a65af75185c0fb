//! A connection: its first bytes tell what it is.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Request};
use actix_service::boxed::{self, BoxService};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory};
use actix_web::Error;
use actix_web::dev::{AppConfig, Extensions, ServiceResponse};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Given, app};
use crate::platform::Socket;

/// How long an idle connection is kept: longer than clients pool theirs, so that none is cut in a client's hand.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What a client gets that connects and says nothing, as one that does not finish its first head.
const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// HTTP as it is spoken on connections of a kind.
type Http<T> = BoxService<(T, Option<SocketAddr>), (), DispatchError>;

/// What serves the connections of one thread.
pub(super) struct Server {
    plain: Http<TcpStream>,
    /// How long the first bytes may take to arrive.
    patience: Duration,
}

impl Server {
    pub async fn new(given: Given) -> Server {
        let patience = given.read_timeout;
        let app = app(given).into_factory().new_service(AppConfig::default()).await;
        let app = Rc::new(app.expect("the app has nothing that could fail"));
        Server {
            plain: plain(app, patience).await,
            patience,
        }
    }

    /// Serves a connection until it ends.
    pub async fn serve(self: Rc<Self>, stream: TcpStream) {
        match timeout(self.patience, says_something(&stream)).await {
            Ok(Ok(true)) => {
                let peer = stream.peer_addr().ok();
                // How a connection ends is the client's affair; what it asked for has been told.
                let _ = self.plain.call((stream, peer)).await;
            }
            Ok(_) => {}
            Err(_) => tell(stream, TIMED_OUT).await,
        }
    }
}

/// Waits for the first bytes; tells whether there are any.
async fn says_something(stream: &TcpStream) -> io::Result<bool> {
    Ok(stream.peek(&mut [0]).await? > 0)
}

/// Sends a last answer to a client, who may have gone.
async fn tell(mut stream: TcpStream, answer: &[u8]) {
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

/// HTTP/1.1 on bare sockets.
async fn plain<A>(app: Rc<A>, read_timeout: Duration) -> Http<TcpStream>
where
    A: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(read_timeout)
        .on_connect_ext(|stream: &TcpStream, extensions: &mut Extensions| {
            extensions.insert(Socket::of(stream));
        })
        .h1(fn_factory(move || {
            let app = app.clone();
            async { Ok::<_, ()>(app) }
        }));
    let http = http.new_service(()).await;
    boxed::service(http.expect("the app is there already"))
}
