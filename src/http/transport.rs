//! The two HTTP/1.1 transports. Both call [`respond`](super::respond::respond), so a request gets the same response from each;
//! `docs/architecture.md` lists three limits of the full one.
//!
//! Every connection starts on the [fast] transport, which serves requests that arrive completely and use only common features.
//! The first request that needs more, such as chunks, `Expect`, a large body, a slow client or the control API, moves its
//! connection to the [full] transport, which is actix-http's, for as long as the connection lasts.

pub(super) mod fast;
pub(super) mod full;

use std::time::Duration;

/// How long a connection may be idle: longer than clients pool theirs, so that a client never reuses one that was just closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The response to a client that connects and sends nothing.
pub(super) const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How often a throttled response sends some bytes.
const DRIP_INTERVAL: Duration = Duration::from_millis(50);

/// How long the bytes before a deliberate disconnect get to leave the machine.
const LINGER_TIMEOUT: Duration = Duration::from_millis(20);

/// How many bytes of a throttled response are sent at once.
fn drip_bytes(bytes_per_second: u32) -> usize {
    let drips_per_second = 1000 / DRIP_INTERVAL.as_millis();
    let bytes = u128::from(bytes_per_second).div_ceil(drips_per_second);
    usize::try_from(bytes).expect("a fraction of 32 bits fits")
}
