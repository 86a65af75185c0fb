//! The address that an emulator listens on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::str::FromStr;

use socket2::SockRef;

use super::start_error::StartError;

/// The length of the accept queue. A client beyond it retries after a second or more, and the standard library's 128 are too few for
/// a parallel test run. The system may allow fewer.
const BACKLOG: i32 = 2048;

/// How many free ports of 127.0.0.1 are tried for one that is free on ::1 too.
const MAX_PORT_TRIES: usize = 16;

/// The address to listen on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Host {
    /// 127.0.0.1, and ::1 on the same port if the machine has it.
    #[default]
    Localhost,
    /// One address.
    Address(IpAddr),
}

/// The text is neither an IP address nor `localhost`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an IP address nor `localhost`")]
pub struct ParseHostError(());

impl Host {
    /// Whether only this machine can connect.
    pub fn is_loopback(self) -> bool {
        match self {
            Host::Localhost => true,
            Host::Address(address) => address.is_loopback(),
        }
    }

    /// Binds the sockets. The first one's address is the emulator's URL.
    pub(super) fn bind(self, port: u16) -> Result<Vec<TcpListener>, StartError> {
        match self {
            Host::Localhost => bind_localhost(port),
            Host::Address(address) => Ok(vec![bind(address, port)?]),
        }
    }
}

fn bind(address: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(address, port);
    let listen = || {
        let socket = TcpListener::bind(address)?;
        SockRef::from(&socket).listen(BACKLOG)?;
        Ok(socket)
    };
    listen().map_err(|source| StartError::Listen { address, source })
}

fn bind_localhost(port: u16) -> Result<Vec<TcpListener>, StartError> {
    let mut tries = MAX_PORT_TRIES;
    loop {
        tries -= 1;
        let first = bind(Ipv4Addr::LOCALHOST.into(), port)?;
        let bound_port = first.local_addr().map_or(port, |address| address.port());
        match bind(Ipv6Addr::LOCALHOST.into(), bound_port) {
            Ok(second) => return Ok(vec![first, second]),
            // Any other error means that the machine has no IPv6.
            Err(StartError::Listen { source, .. }) if source.kind() != io::ErrorKind::AddrInUse => {
                return Ok(vec![first]);
            }
            Err(_) if port == 0 && tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

impl FromStr for Host {
    type Err = ParseHostError;

    /// Parses an IP address or `localhost`, without DNS.
    fn from_str(text: &str) -> Result<Host, ParseHostError> {
        match text {
            "localhost" => Ok(Host::Localhost),
            _ => text.parse().map(Host::Address).map_err(|_| ParseHostError(())),
        }
    }
}
