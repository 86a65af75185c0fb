//! Host names: Yotpo's, and this machine's own.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::header::HOST;

/// The hosts that the emulator stands in for.
pub(super) const YOTPO_HOSTS: [&str; 2] = ["api.yotpo.com", "developers.yotpo.com"];

/// Whether a host, without a port, is one of [`YOTPO_HOSTS`].
pub(crate) fn is_yotpo(host: &str) -> bool {
    YOTPO_HOSTS.iter().any(|yotpo| yotpo.eq_ignore_ascii_case(host))
}

/// Whether a host, without a port, names this machine: `localhost`, a loopback address, or the address that the server listens
/// on (`None` if that is loopback). If it listens on all addresses, any address counts; names never do, since DNS can point any
/// name here.
pub(super) fn is_this_machine(host: &str, bound: Option<IpAddr>) -> bool {
    let host = host.to_ascii_lowercase();
    let is_bound = |address: IpAddr| bound.is_some_and(|bound| bound == address || bound.is_unspecified());
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback() || is_bound(address))
}

/// The host and port that a request names, in its target or in its `Host` header.
pub(super) fn host_of(head: &RequestHead) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers().get(HOST)?.to_str().ok(),
    }
}

/// Strips the port from a host, and the brackets from an IPv6 address.
pub(super) fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}
