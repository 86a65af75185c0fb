//! Where an emulator listens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::str::FromStr;

use socket2::SockRef;

use super::start_error::StartError;

/// How many clients may wait to be let in; the standard library asks for 128, and every further one then waits a second or
/// more. The system may allow fewer.
const BACKLOG: i32 = 2048;

/// How often a free port is looked for that is free on both loopback addresses.
const PORT_TRIES: usize = 16;

/// Where to listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Host {
    /// 127.0.0.1, and ::1 on the same port where there is one.
    #[default]
    Localhost,
    /// One address.
    Address(IpAddr),
}

impl Host {
    /// Whether only this machine can connect.
    ///
    /// ```
    /// assert!(yotpo_mock::Host::Localhost.is_loopback());
    /// ```
    pub fn is_loopback(self) -> bool {
        match self {
            Host::Localhost => true,
            Host::Address(address) => address.is_loopback(),
        }
    }

    /// Binds the sockets; the first is the one that is told.
    pub(super) fn bind(self, port: u16) -> Result<Vec<TcpListener>, StartError> {
        let bind = |address: IpAddr, port: u16| {
            let address = SocketAddr::new(address, port);
            TcpListener::bind(address)
                .and_then(|socket| SockRef::from(&socket).listen(BACKLOG).map(|()| socket))
                .map_err(|source| StartError::Listen { address, source })
        };
        let Host::Localhost = self else {
            let Host::Address(address) = self else {
                unreachable!("there are two kinds of host")
            };
            return Ok(vec![bind(address, port)?]);
        };
        let mut tries = PORT_TRIES;
        loop {
            tries -= 1;
            let first = bind(Ipv4Addr::LOCALHOST.into(), port)?;
            let taken = first.local_addr().map_or(port, |address| address.port());
            match bind(Ipv6Addr::LOCALHOST.into(), taken) {
                Ok(second) => return Ok(vec![first, second]),
                Err(StartError::Listen { source, .. }) if source.kind() != io::ErrorKind::AddrInUse => {
                    return Ok(vec![first]);
                }
                Err(_) if port == 0 && tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl FromStr for Host {
    type Err = String;

    /// Reads an IP address, or `localhost`, without asking a resolver.
    fn from_str(text: &str) -> Result<Host, String> {
        match text {
            "localhost" => Ok(Host::Localhost),
            _ => text
                .parse()
                .map(Host::Address)
                .map_err(|_| "neither an IP address nor `localhost`".to_owned()),
        }
    }
}
