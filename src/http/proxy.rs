//! The proxy: for clients that have the vendor's address written into them and take the emulator for their proxy. It knows the
//! vendor and itself; whatever else it is asked for it refuses, so that no test leaks to the network.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceRequest;
use actix_web::http::uri::Authority;
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::control::ControlError;
use super::control::access::VENDORS_HOSTS;
use crate::world::text::truncate;

/// The longest head of a CONNECT that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// How long a client that was refused may take to close.
const FAREWELL: Duration = Duration::from_secs(1);

/// Says that the tunnel is open.
const OPEN: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// How a CONNECT looks.
const SHAPE: &str = "it asks for a host and a port: `CONNECT api.yotpo.com:443 HTTP/1.1`";

/// Whom the proxy knows.
#[derive(Debug, Default)]
pub(crate) struct Proxy {
    /// The port that is listened on.
    pub port: u16,
    /// The address that is listened on; `None` where it is loopback.
    pub bound: Option<IpAddr>,
    /// Further names of the emulator.
    pub names: Vec<String>,
    /// Hosts that are led to as they are.
    pub passthrough: Vec<String>,
}

/// Where a request for a host goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The emulator answers.
    Here,
    /// The host itself does.
    Through,
    Nowhere,
}

/// What has become of a CONNECT.
pub(super) enum Tunnel {
    /// It leads to the emulator: what comes next is to be answered as if it had come without a tunnel.
    Here(TcpStream, String),
    /// It is over.
    Over,
}

impl Proxy {
    /// Whether a host is one that the emulator stands for, so that it is never led to.
    pub fn is_vendor(host: &str) -> bool {
        VENDORS_HOSTS.iter().any(|vendor| vendor.eq_ignore_ascii_case(host))
    }

    fn way(&self, authority: &Authority) -> Way {
        let host = bare(authority);
        let is = |known: &String| known.eq_ignore_ascii_case(host);
        let is_own_port = authority.port_u16().unwrap_or(80) == self.port;
        if Proxy::is_vendor(host) || self.names.iter().any(is) || is_own_port && self.is_own(host) {
            Way::Here
        } else if self.passthrough.iter().any(is) {
            Way::Through
        } else {
            Way::Nowhere
        }
    }

    /// Whether a host is this machine, as far as it is listened on.
    fn is_own(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_local = host == "localhost" || host.ends_with(".localhost");
        is_local
            || host.parse().is_ok_and(|address: IpAddr| {
                let is_bound = |bound: IpAddr| bound == address || bound.is_unspecified();
                address.is_loopback() || self.bound.is_some_and(is_bound)
            })
    }

    /// Answers a CONNECT, whose bytes nobody has read yet, and keeps the tunnel going if it leads elsewhere.
    ///
    /// # Errors
    ///
    /// If the client has gone.
    pub(super) async fn connect(&self, mut client: TcpStream, patience: Duration) -> io::Result<Tunnel> {
        let Ok(head) = timeout(patience, head(&mut client)).await else {
            tell(
                client,
                ControlError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "the head of the CONNECT does not end",
                    SHAPE,
                ),
            )
            .await;
            return Ok(Tunnel::Over);
        };
        let target = head?
            .ok_or("its head is too long".to_owned())
            .and_then(|head| target(&head));
        let target = match target {
            Ok(target) => target,
            Err(reason) => {
                tracing::warn!("refused a CONNECT: {reason}");
                tell(
                    client,
                    ControlError::new(
                        StatusCode::BAD_REQUEST,
                        format!("this CONNECT leads nowhere: {reason}"),
                        SHAPE,
                    ),
                )
                .await;
                return Ok(Tunnel::Over);
            }
        };
        match self.way(&target) {
            Way::Here => {
                client.write_all(OPEN).await?;
                Ok(Tunnel::Here(client, target.to_string()))
            }
            Way::Through => {
                through(client, &target, patience).await?;
                Ok(Tunnel::Over)
            }
            Way::Nowhere => {
                tell(client, stranger(&target)).await;
                Ok(Tunnel::Over)
            }
        }
    }
}

/// The answer to a request that is to be sent on to somebody else; `None` to all others.
pub(super) fn refusal(request: &ServiceRequest) -> Option<HttpResponse> {
    let head = request.head();
    let is_absolute = head.uri.scheme().is_some();
    let authority = head.uri.authority().filter(|_| is_absolute);
    let is_connect = head.method == Method::CONNECT;
    if authority.is_none() && !is_connect {
        return None;
    }
    let complaint = if is_connect {
        let error = "a CONNECT is the first request of its connection, and comes in clear";
        ControlError::bad(
            error,
            "open another connection to the proxy for it, by its `http://` address",
        )
    } else {
        let authority = authority?;
        let proxy = request.app_data::<Data<Proxy>>().expect("every app is given its proxy");
        match proxy.way(authority) {
            Way::Here => return None,
            Way::Through => ControlError::new(
                StatusCode::NOT_IMPLEMENTED,
                format!("requests to `{}` are led through by CONNECT alone", bare(authority)),
                "reach it by `https://`, or name it in `NO_PROXY`",
            ),
            Way::Nowhere => stranger(authority),
        }
    };
    let mut refused = HttpResponse::from_error(complaint);
    refused.head_mut().set_connection_type(ConnectionType::Close);
    Some(refused)
}

/// Refuses a host that the proxy does not know, and says so where one looks for why a test is red.
fn stranger(authority: &Authority) -> ControlError {
    let host = bare(authority);
    tracing::warn!("refused to be a proxy for `{authority}`; `--proxy-passthrough {host}` leads there");
    ControlError::new(
        StatusCode::FORBIDDEN,
        format!("this proxy leads to the emulated vendor alone, and not to `{host}`"),
        format!("`--proxy-passthrough {host}` leads there"),
    )
}

/// A host without its port, an IPv6 address without its brackets and a name without its last dot.
fn bare(authority: &Authority) -> &str {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    address.unwrap_or_else(|| host.strip_suffix('.').unwrap_or(host))
}

/// Reads a head and nothing behind it; `None` if it is too long.
async fn head(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = Vec::new();
    let mut seen = [0; 1024];
    while head.len() < MAX_HEAD {
        let count = client.peek(&mut seen).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = head.len();
        head.extend_from_slice(&seen[..count]);
        // The end may have begun with what was read before.
        let from = before.saturating_sub(END.len() - 1);
        let end = head[from..].windows(END.len()).position(|window| window == END);
        let end = end.map(|at| from + at + END.len());
        head.truncate(end.unwrap_or(head.len()));
        client.read_exact(&mut seen[..head.len() - before]).await?;
        if end.is_some() {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// The target of a CONNECT, or what is wrong with it.
fn target(head: &[u8]) -> Result<Authority, String> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ').skip(1);
    let (Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("`{}` is no request line", truncate(&line)));
    };
    let authority = target.parse::<Authority>().ok();
    let authority = authority.filter(|authority| {
        let is_whole = authority.port_u16().is_some_and(|port| port > 0) && !bare(authority).is_empty();
        is_whole && !authority.as_str().contains('@')
    });
    authority.ok_or_else(|| format!("`{}` is not a host and a port", truncate(target)))
}

/// Leads to a host until one side has had enough.
async fn through(mut client: TcpStream, target: &Authority, patience: Duration) -> io::Result<()> {
    let port = target.port_u16().expect("it was looked at");
    let reached = timeout(patience, TcpStream::connect((bare(target), port))).await;
    let reached = reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    match reached {
        Ok(mut host) => {
            tracing::debug!("a tunnel leads to `{target}`");
            let _ = host.set_nodelay(true);
            client.write_all(OPEN).await?;
            copy_bidirectional(&mut client, &mut host).await?;
        }
        Err(error) => {
            tracing::warn!("`{target}`, which is led to, cannot be reached: {error}");
            let error = format!("`{target}` cannot be reached: {error}");
            tell(
                client,
                ControlError::new(
                    StatusCode::BAD_GATEWAY,
                    error,
                    "the emulator leads there; look at the host and the network",
                ),
            )
            .await;
        }
    }
    Ok(())
}

/// Sends a last answer to a client, who may have gone.
async fn tell(mut client: TcpStream, complaint: ControlError) {
    let response = complaint.error_response();
    let status = response.status();
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body].concat();
    if client.write_all(&answer).await.is_ok() && client.shutdown().await.is_ok() {
        // A close with something unread would destroy the answer on its way.
        let _ = timeout(FAREWELL, tokio::io::copy(&mut client, &mut tokio::io::sink())).await;
    }
}
