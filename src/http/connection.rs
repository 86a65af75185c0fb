//! A connection: its first bytes tell whether HTTP, TLS or a tunnel begins.

#[cfg(feature = "tls")]
mod secured;

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
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use super::express::Express;
use super::prefixed_stream::PrefixedStream;
use super::{ServerState, app};
use crate::os::Socket;

/// How long an idle connection is kept: longer than clients pool theirs, so that none is cut in a client's hand.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What a client gets that connects and says nothing, as one that does not finish its first head.
const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Begins the request that opens a tunnel.
const CONNECT: &[u8] = b"CONNECT ";

/// Begins every handshake of TLS: the type of its records.
const HANDSHAKE: u8 = 22;

/// How long to wait for the rest of what may become a CONNECT.
const REST: Duration = Duration::from_millis(10);

/// What lets actix serve a connection in clear.
type Plain = BoxService<(PrefixedStream, Option<SocketAddr>), (), DispatchError>;

/// What serves the connections of one thread.
pub(super) struct Server {
    server_state: ServerState,
    express: Express,
    actix: OnceCell<Actix>,
}

/// What serves connections by actix: made when one needs it, since most emulators in tests meet none, and to make its paths takes
/// longer than all else at a start.
struct Actix {
    plain: Plain,
    #[cfg(feature = "tls")]
    secured: secured::Secured,
}

impl Actix {
    async fn new(server_state: ServerState) -> Actix {
        let patience = server_state.read_timeout;
        #[cfg(feature = "tls")]
        let tls = server_state.tls.clone();
        let app = app(server_state).into_factory().new_service(AppConfig::default()).await;
        let app = Rc::new(app.expect("the app has nothing that could fail"));
        Actix {
            plain: plain(app.clone(), patience).await,
            #[cfg(feature = "tls")]
            secured: secured::Secured::new(app, tls, patience).await,
        }
    }
}

/// What a connection begins with.
enum Opening {
    Http,
    Tls,
    Connect,
    /// Its end.
    Nothing,
}

impl Server {
    pub fn new(server_state: ServerState) -> Server {
        Server {
            express: Express::new(&server_state),
            server_state,
            actix: OnceCell::new(),
        }
    }

    async fn actix(&self) -> &Actix {
        self.actix.get_or_init(|| Actix::new(self.server_state.clone())).await
    }

    /// Serves a connection until it ends. How it ends is the client's affair; what it asked for has been told.
    pub async fn serve(self: Rc<Self>, mut stream: TcpStream) {
        let mut tunnel = None;
        let patience = self.server_state.read_timeout;
        loop {
            let Ok(opening) = timeout(patience, opening(&stream)).await else {
                match tunnel {
                    // Nobody can say what is spoken in it.
                    Some(target) => tracing::info!("a tunnel to `{target}` is closed: nothing came through it"),
                    None => tell(stream, TIMED_OUT).await,
                }
                return;
            };
            let _ = match opening.unwrap_or(Opening::Nothing) {
                Opening::Connect => match Box::pin(self.server_state.proxy.connect(stream, patience)).await {
                    Ok(Some((inside, target))) => {
                        (stream, tunnel) = (inside, Some(target));
                        continue;
                    }
                    _ => return,
                },
                #[cfg(feature = "tls")]
                Opening::Tls => return Box::pin(async { self.actix().await.secured.serve(stream).await }).await,
                #[cfg(not(feature = "tls"))]
                Opening::Tls => {
                    warn_of_tls();
                    self.plain(stream).await
                }
                Opening::Http => self.plain(stream).await,
                Opening::Nothing => Ok(()),
            };
            return;
        }
    }

    async fn plain(&self, stream: TcpStream) -> Result<(), DispatchError> {
        let peer = stream.peer_addr().ok();
        match self.express.serve(stream).await {
            Some(stream) => Box::pin(async { self.actix().await.plain.call((stream, peer)).await }).await,
            None => Ok(()),
        }
    }
}

/// Waits for the first bytes and leaves them where they are.
async fn opening(stream: &TcpStream) -> io::Result<Opening> {
    let mut first = [0; CONNECT.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        match &first[..count] {
            [] => return Ok(Opening::Nothing),
            [HANDSHAKE, ..] => return Ok(Opening::Tls),
            CONNECT => return Ok(Opening::Connect),
            // What was looked at is not waited for again.
            begun if CONNECT.starts_with(begun) => sleep(REST).await,
            _ => return Ok(Opening::Http),
        }
    }
}

/// Sends a last answer to a client, who may have gone.
async fn tell(mut stream: TcpStream, answer: &[u8]) {
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

/// HTTP/1.1 as actix speaks it.
async fn plain<A>(app: Rc<A>, read_timeout: Duration) -> Plain
where
    A: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(read_timeout)
        .on_connect_ext(|stream: &PrefixedStream, extensions: &mut Extensions| {
            extensions.insert(Socket::of(stream.stream()));
        })
        .h1(fn_factory(move || {
            let app = app.clone();
            async { Ok::<_, ()>(app) }
        }));
    let http = http.new_service(()).await;
    boxed::service(http.expect("the app is there already"))
}

/// Says once that this build cannot speak TLS: a client that tries does so again and again.
#[cfg(not(feature = "tls"))]
fn warn_of_tls() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing::warn!(
            "a client speaks TLS, which this build does not: it lacks the Cargo feature `tls` of `yotpo-mock`"
        );
    });
}
