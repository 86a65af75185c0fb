//! A connection: its first bytes show whether it is HTTP, TLS or a tunnel.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};
#[cfg(feature = "tls")]
use tokio_rustls::TlsAcceptor;

use super::ServerState;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls;
use super::transport::TIMED_OUT;
use super::transport::fast::{self, Outcome};
use super::transport::full::FullTransport;

/// The start of a request for a tunnel.
const CONNECT: &[u8] = b"CONNECT ";

/// The first byte of a TLS handshake: the type of its record.
const TLS_HANDSHAKE: u8 = 22;

/// How often to look for the rest of what may be a CONNECT.
const PEEK_INTERVAL: Duration = Duration::from_millis(10);

/// Serves the connections of one thread.
pub(super) struct Server {
    state: ServerState,
    /// Initialised at the first request that needs it.
    full_transport: OnceCell<FullTransport>,
}

/// What a connection starts with.
enum Protocol {
    Http,
    Tls,
    Connect,
    /// The client closed it.
    Closed,
}

impl Server {
    pub fn new(state: ServerState) -> Server {
        Server { state, full_transport: OnceCell::new() }
    }

    /// Serves a connection until it ends.
    pub async fn serve(self: Rc<Self>, mut tcp: TcpStream) {
        let read_timeout = self.state.read_timeout;
        let mut tunnel = None;
        loop {
            let Ok(protocol) = timeout(read_timeout, detect_protocol(&tcp)).await else {
                match tunnel {
                    // The protocol in the tunnel is unknown, so no response is possible.
                    Some(target) => tracing::info!("closed a tunnel to `{target}` in which the client sent nothing"),
                    None => send_last(tcp, TIMED_OUT).await,
                }
                return;
            };
            match protocol.unwrap_or(Protocol::Closed) {
                Protocol::Connect => match Box::pin(self.state.proxy.connect(tcp, read_timeout)).await {
                    Ok(Some((inner, target))) => (tcp, tunnel) = (inner, Some(target)),
                    _ => return,
                },
                #[cfg(feature = "tls")]
                Protocol::Tls => return Box::pin(self.serve_tls(tcp)).await,
                #[cfg(not(feature = "tls"))]
                Protocol::Tls => {
                    warn_about_tls();
                    return self.serve_http(Stream::plain(tcp)).await;
                }
                Protocol::Http => return self.serve_http(Stream::plain(tcp)).await,
                Protocol::Closed => return,
            }
        }
    }

    #[cfg(feature = "tls")]
    async fn serve_tls(&self, tcp: TcpStream) {
        let read_timeout = self.state.read_timeout;
        let handshake = TlsAcceptor::from(self.state.tls.config()).accept(tcp);
        match timeout(read_timeout, handshake).await {
            Ok(Ok(stream)) => self.serve_http(Stream::tls(stream)).await,
            Ok(Err(error)) => tls::log_handshake_error(&error),
            Err(_) => tracing::info!("a TLS handshake was not finished in {read_timeout:?}"),
        }
    }

    async fn serve_http(&self, mut stream: Stream) {
        if fast::serve(&self.state, &mut stream).await == Outcome::NeedsFullTransport {
            let full_transport = self.full_transport.get_or_init(|| FullTransport::new(self.state.clone()));
            Box::pin(async { full_transport.await.serve(stream).await }).await;
        }
    }
}

/// Peeks at the first bytes.
async fn detect_protocol(stream: &TcpStream) -> io::Result<Protocol> {
    let mut first = [0; CONNECT.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        match &first[..count] {
            [] => return Ok(Protocol::Closed),
            [TLS_HANDSHAKE, ..] => return Ok(Protocol::Tls),
            CONNECT => return Ok(Protocol::Connect),
            // A second peek returns at once, with or without more bytes.
            start if CONNECT.starts_with(start) => sleep(PEEK_INTERVAL).await,
            _ => return Ok(Protocol::Http),
        }
    }
}

/// Sends a last response to a client that may have gone.
async fn send_last(mut stream: TcpStream, response: &[u8]) {
    let _ = stream.write_all(response).await;
    let _ = stream.shutdown().await;
}

/// Logs once that this build does not support TLS: a client that tries it usually retries.
#[cfg(not(feature = "tls"))]
fn warn_about_tls() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing::warn!("a client uses TLS, but `yotpo-mock` was built without its Cargo feature `tls`");
    });
}
