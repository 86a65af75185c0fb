//! Host names: Yotpo's, and this machine's own.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::header::HOST;

/// The hosts that the emulator stands in for.
pub(super) const YOTPO_HOSTS: [&str; 2] = ["api.yotpo.com", "developers.yotpo.com"];

/// The top-level domains that are reserved for private networks and tests: nobody can register a name in them.
const PRIVATE_DOMAINS: [&str; 4] = ["internal", "local", "localhost", "test"];

/// Whether two hosts, without ports, are the same: case and a trailing dot do not count.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    bare_name(a).eq_ignore_ascii_case(bare_name(b))
}

/// Whether a host, without a port, is one of [`YOTPO_HOSTS`].
pub(crate) fn is_yotpo(host: &str) -> bool {
    YOTPO_HOSTS.iter().any(|yotpo| is_same(yotpo, host))
}

/// Whether a host, without a port, is one that public DNS cannot point to this machine: an IP address, a name without a dot, or
/// a name in a private domain.
pub(super) fn is_private(host: &str) -> bool {
    let host = bare_name(host);
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    is_name
        && host
            .rsplit_once('.')
            .is_none_or(|(_, domain)| PRIVATE_DOMAINS.iter().any(|private| private.eq_ignore_ascii_case(domain)))
}

/// Whether a host, without a port, names this machine: `localhost`, a loopback address, or the address that the server listens
/// on (`None` if that is loopback). If it listens on all addresses, any address counts.
pub(super) fn is_this_machine(host: &str, bound: Option<IpAddr>) -> bool {
    let host = bare_name(host).to_ascii_lowercase();
    let is_bound = |address: IpAddr| bound.is_some_and(|bound| bound == address || bound.is_unspecified());
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback() || is_bound(address))
}

/// The host and port that a request names, in its target or in its `Host` header. Bytes that are not UTF-8 are replaced.
pub(super) fn host_of(head: &RequestHead) -> Option<Cow<'_, str>> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str().into()),
        None => Some(String::from_utf8_lossy(head.headers().get(HOST)?.as_bytes())),
    }
}

/// Strips the port from a host, the brackets from an IPv6 address and the trailing dot from a name. What is no host with a port
/// stays as it is.
pub(super) fn without_port(host: &str) -> &str {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => return address,
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => match host.rsplit_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => return bare_name(host),
        },
    };
    match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare_name(name),
        _ => host,
    }
}

/// Strips the trailing dot from a name.
pub(super) fn bare_name(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}
