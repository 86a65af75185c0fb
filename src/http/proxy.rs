//! The HTTP proxy, for clients that cannot change the URL of Yotpo's API. It routes Yotpo's hosts and the emulator's own to the
//! emulator, and rejects all others, so that no test reaches the network by mistake.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use actix_web::http::uri::Authority;
use actix_web::http::{Method, StatusCode, Uri};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::control::ControlError;
use super::hosts::{bare_name, is_private, is_same, is_this_machine, is_yotpo};
use crate::domain::text::truncate;

/// The longest head of a CONNECT, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long a rejected client may take to close its connection.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

const HTTP_PORT: u16 = 80;

const HTTPS_PORT: u16 = 443;

const CONNECTION_ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

const CONNECT_HINT: &str = "send a host and a port: `CONNECT api.yotpo.com:443 HTTP/1.1`";

#[derive(Debug, Default)]
pub(crate) struct Proxy {
    /// The port that the server listens on.
    pub port: u16,
    /// The address that the server listens on; `None` if it is loopback.
    pub bound: Option<IpAddr>,
    /// Further names of the emulator.
    pub names: Vec<String>,
    /// What the proxy forwards to.
    pub passthrough: Vec<Passthrough>,
}

/// A host and a port that the proxy forwards to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passthrough {
    host: String,
    port: u16,
}

impl Passthrough {
    /// Parses `HOST` or `HOST:PORT`; the port is 443 by default. `None` if it is neither, or one of Yotpo's hosts.
    pub fn parse(text: &str) -> Option<Passthrough> {
        let address = text.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"));
        let authority: Authority = address.as_deref().unwrap_or(text).parse().ok()?;
        let host = bare_host(&authority);
        let is_name = || {
            let is_label = |label: &str| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            };
            host.split('.').all(is_label)
        };
        let has_port =
            authority.as_str().ends_with(authority.host()) || authority.port_u16().is_some_and(|port| port > 0);
        let is_valid = has_port && !authority.as_str().contains('@') && (host.parse::<IpAddr>().is_ok() || is_name());
        (is_valid && !is_yotpo(host))
            .then(|| Passthrough { host: host.to_owned(), port: authority.port_u16().unwrap_or(HTTPS_PORT) })
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        self.port == port && is_same(&self.host, host)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyRoute {
    /// The emulator answers.
    Local,
    /// The proxy forwards to the host itself.
    Passthrough,
    Refused,
}

#[derive(Debug, Error)]
enum ConnectError {
    #[error("its head is longer than {MAX_HEAD_BYTES} bytes")]
    HeadTooLong,
    #[error("`{0}` is not a request line")]
    RequestLine(String),
    #[error("`{0}` is not a host and a port")]
    Target(String),
}

impl Proxy {
    fn route(&self, authority: &Authority) -> ProxyRoute {
        let host = bare_host(authority);
        let is_host = |name: &String| is_same(name, host);
        let port = authority.port_u16().unwrap_or(HTTP_PORT);
        let is_own_port = port == self.port;
        // A name in a private network, such as that of a container.
        let is_own_name = host.parse::<IpAddr>().is_err() && is_private(host);
        let is_own = is_own_port && (is_own_name || is_this_machine(host, self.bound));
        if is_yotpo(host) || self.names.iter().any(is_host) {
            ProxyRoute::Local
        } else if self.passthrough.iter().any(|passthrough| passthrough.matches(host, port)) {
            ProxyRoute::Passthrough
        } else if is_own {
            ProxyRoute::Local
        } else {
            ProxyRoute::Refused
        }
    }

    /// Handles a CONNECT of which nothing has been read yet. Returns the stream and the target if the tunnel ends in the
    /// emulator; otherwise forwards until one side closes, or rejects the CONNECT, and returns `None`.
    ///
    /// # Errors
    ///
    /// If the client has disconnected.
    pub(super) async fn connect(
        &self,
        mut client: TcpStream,
        read_timeout: Duration,
    ) -> io::Result<Option<(TcpStream, String)>> {
        let Ok(head) = timeout(read_timeout, read_head(&mut client)).await else {
            let error = "the head of the CONNECT did not arrive in time";
            write_error(client, ControlError::new(StatusCode::REQUEST_TIMEOUT, error, CONNECT_HINT)).await;
            return Ok(None);
        };
        let target = match head?.ok_or(ConnectError::HeadTooLong).and_then(|head| parse_target(&head)) {
            Ok(target) => target,
            Err(error) => {
                tracing::warn!("rejected a CONNECT: {error}");
                write_error(client, ControlError::bad(format!("invalid CONNECT: {error}"), CONNECT_HINT)).await;
                return Ok(None);
            }
        };
        match self.route(&target) {
            ProxyRoute::Local => {
                client.write_all(CONNECTION_ESTABLISHED).await?;
                return Ok(Some((client, target.to_string())));
            }
            ProxyRoute::Passthrough => tunnel_to(client, &target, read_timeout).await?,
            ProxyRoute::Refused => write_error(client, unknown_host(&target)).await,
        }
        Ok(None)
    }

    /// The error for a proxy request that the emulator does not answer: for another host, or a late CONNECT. `None` for all other
    /// requests. The connection must be closed after the response.
    pub(super) fn check(&self, method: &Method, uri: &Uri) -> Option<ControlError> {
        if method == Method::CONNECT {
            return Some(ControlError::bad(
                "CONNECT must be the first request of a connection without TLS",
                "open a new connection to the `http://` address of the proxy",
            ));
        }
        let authority = uri.authority().filter(|_| uri.scheme().is_some())?;
        match self.route(authority) {
            ProxyRoute::Local => None,
            ProxyRoute::Passthrough => Some(ControlError::new(
                StatusCode::NOT_IMPLEMENTED,
                format!("the proxy forwards to `{}` by CONNECT only", bare_host(authority)),
                "use an `https://` URL, or list the host in `NO_PROXY`",
            )),
            ProxyRoute::Refused => Some(unknown_host(authority)),
        }
    }
}

/// The error for an unknown host. It is logged too, since many clients hide a proxy's error.
fn unknown_host(authority: &Authority) -> ControlError {
    let host = bare_host(authority);
    let port = authority.port().map_or_else(String::new, |port| format!(":{port}"));
    let target = match authority.port_u16() {
        None | Some(HTTPS_PORT) => host.to_owned(),
        Some(port) => format!("{}:{port}", authority.host()),
    };
    tracing::warn!("refused to proxy to `{host}{port}`; `--proxy-passthrough {target}` allows it");
    ControlError::new(
        StatusCode::FORBIDDEN,
        format!("this proxy reaches the emulated API only, not `{target}`"),
        format!("`--proxy-passthrough {target}` allows it"),
    )
}

/// A host without its port, the brackets of an IPv6 address and the trailing dot of a name.
fn bare_host(authority: &Authority) -> &str {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    address.unwrap_or_else(|| bare_name(host))
}

/// Reads a head and nothing beyond it; `None` if it is too long.
async fn read_head(client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while head.len() < MAX_HEAD_BYTES {
        let count = client.peek(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = head.len();
        head.extend_from_slice(&buffer[..count]);
        // The end may span two reads.
        let start = before.saturating_sub(END.len() - 1);
        let end = head[start..].windows(END.len()).position(|window| window == END);
        let end = end.map(|at| start + at + END.len());
        head.truncate(end.unwrap_or(head.len()));
        client.read_exact(&mut buffer[..head.len() - before]).await?;
        if end.is_some() {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

fn parse_target(head: &[u8]) -> Result<Authority, ConnectError> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ').skip(1);
    let (Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) = (words.next(), words.next(), words.next()) else {
        return Err(ConnectError::RequestLine(truncate(without_user(&line))));
    };
    let authority = target.parse::<Authority>().ok().filter(|authority| {
        let has_port = authority.port_u16().is_some_and(|port| port > 0);
        has_port && !bare_host(authority).is_empty() && !authority.as_str().contains('@')
    });
    authority.ok_or_else(|| ConnectError::Target(truncate(without_user(target))))
}

/// The part of a target after the user and the password, which must not be logged.
fn without_user(target: &str) -> &str {
    target.rsplit_once('@').map_or(target, |(_, host)| host)
}

/// Connects to a host and forwards bytes until one side closes.
async fn tunnel_to(mut client: TcpStream, target: &Authority, connect_timeout: Duration) -> io::Result<()> {
    let port = target.port_u16().expect("a target has a port");
    let connected = timeout(connect_timeout, TcpStream::connect((bare_host(target), port))).await;
    match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(mut host) => {
            tracing::debug!("opened a tunnel to `{target}`");
            let _ = host.set_nodelay(true);
            client.write_all(CONNECTION_ESTABLISHED).await?;
            copy_bidirectional(&mut client, &mut host).await?;
        }
        Err(error) => {
            let error = format!("`{target}` cannot be reached: {error}");
            tracing::warn!("{error}");
            let hint = "the proxy forwards to this host; check its name and the network";
            write_error(client, ControlError::new(StatusCode::BAD_GATEWAY, error, hint)).await;
        }
    }
    Ok(())
}

/// Sends an error to a client, which may have disconnected, and closes the connection.
async fn write_error(mut client: TcpStream, error: ControlError) {
    let body = error.to_json().to_string();
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        error.status(),
        body.len()
    );
    if client.write_all((head + &body).as_bytes()).await.is_ok() && client.shutdown().await.is_ok() {
        // Closing a socket with unread data would discard the response.
        let _ = timeout(LINGER_TIMEOUT, tokio::io::copy(&mut client, &mut tokio::io::sink())).await;
    }
}
