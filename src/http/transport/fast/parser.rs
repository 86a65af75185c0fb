//! Parses complete requests that use only common features of HTTP/1.1.

use std::mem::MaybeUninit;

use actix_web::http::Method;
use actix_web::http::header::{EXPECT, HeaderName, TRANSFER_ENCODING, UPGRADE};

use crate::http::request::RequestHead;

/// The most headers of a request.
pub(super) const MAX_HEADERS: usize = 32;

/// The longest head and the longest body of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;

/// What the bytes that have arrived start with.
pub(super) enum Parsed<'a> {
    /// A whole request.
    Complete(RequestHead<'a>, RequestLength),
    /// The first part of one, as far as can be seen.
    Partial,
    /// A request that needs the full transport, or no request.
    Unsupported,
}

/// The length of a request in bytes, and whether the client wants the connection to be closed after it.
#[derive(Clone, Copy)]
pub(super) struct RequestLength {
    pub head: usize,
    pub body: usize,
    pub closes: bool,
}

impl<'a> Parsed<'a> {
    pub fn new(bytes: &'a [u8], headers: &'a mut [MaybeUninit<httparse::Header<'a>>; MAX_HEADERS]) -> Parsed<'a> {
        // httparse skips empty lines before a request.
        if bytes.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            return Parsed::Unsupported;
        }
        let mut request = httparse::Request::new(&mut []);
        let head = match request.parse_with_uninit_headers(bytes, headers) {
            Ok(httparse::Status::Complete(head)) if head <= MAX_HEAD => head,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Parsed::Partial,
            _ => return Parsed::Unsupported,
        };
        let (method, target) = match (request.method, request.path, request.version) {
            (Some("GET"), Some(target), Some(1)) => (&Method::GET, target),
            (Some("HEAD"), Some(target), Some(1)) => (&Method::HEAD, target),
            (Some("PATCH"), Some(target), Some(1)) => (&Method::PATCH, target),
            (Some("POST"), Some(target), Some(1)) => (&Method::POST, target),
            _ => return Parsed::Unsupported,
        };
        let Some((body, closes)) = read_framing(request.headers).filter(|_| is_plain_path(target)) else {
            return Parsed::Unsupported;
        };
        if bytes.len() < head + body {
            return Parsed::Partial;
        }
        let lines =
            bytes.iter().position(|byte| *byte == b'\n').map_or(head, |end_of_request_line| end_of_request_line + 1);
        Parsed::Complete(
            RequestHead::from_raw(method, target, request.headers, &bytes[lines..head]),
            RequestLength { head, body, closes },
        )
    }
}

/// Whether a target is a path that every URI parser accepts unchanged.
fn is_plain_path(target: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=%-_.~+:,@!$'()*;".contains(&byte);
    target.starts_with('/') && target.bytes().all(is_plain)
}

/// The length of the body, and whether the connection closes after the request; `None` if the headers ask for anything else.
fn read_framing(headers: &[httparse::Header<'_>]) -> Option<(usize, bool)> {
    const UNSUPPORTED: [HeaderName; 2] = [TRANSFER_ENCODING, EXPECT];
    let (mut hosts, mut length, mut closes) = (0, None, false);
    for httparse::Header { name, value } in headers {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            hosts += 1;
        } else if is("content-length") {
            let digits = length.is_none() && value.iter().all(u8::is_ascii_digit);
            let digits = str::from_utf8(value).ok().filter(|_| digits)?;
            length = Some(digits.parse().ok().filter(|length| *length <= MAX_BODY)?);
        } else if is("connection") {
            closes = value.eq_ignore_ascii_case(b"close");
            if !closes && !value.eq_ignore_ascii_case(b"keep-alive") && !offers_upgrade(value) {
                return None;
            }
        } else if UNSUPPORTED.iter().any(|unsupported| is(unsupported.as_str())) {
            return None;
        }
    }
    (hosts == 1).then(|| (length.unwrap_or(0), closes))
}

/// Whether a `Connection` header offers another protocol, as Java's HTTP client does for HTTP/2. The offer is ignored.
///
/// Source: RFC 9110, 7.8.
fn offers_upgrade(connection: &[u8]) -> bool {
    let mut options = connection.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let is_known = |option: &[u8]| {
        [UPGRADE.as_str(), "http2-settings", "keep-alive"]
            .iter()
            .any(|known| option.eq_ignore_ascii_case(known.as_bytes()))
    };
    options.clone().any(|option| option.eq_ignore_ascii_case(UPGRADE.as_str().as_bytes())) && options.all(is_known)
}

#[cfg(test)]
mod tests {
    use actix_http::h1::{Codec, Message};
    use bytes::BytesMut;
    use proptest::prelude::*;
    use tokio_util::codec::Decoder;

    use super::*;

    /// Method, target, sorted headers and body of a request.
    type Request = (String, String, Vec<(String, Vec<u8>)>, Vec<u8>);

    /// The request as this transport parses it; `None` if it needs the full transport.
    fn parse(bytes: &[u8]) -> Option<Request> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let Parsed::Complete(head, length) = Parsed::new(bytes, &mut headers) else {
            return None;
        };
        let question = if head.query.is_empty() { "" } else { "?" };
        let target = format!("{}{question}{}", head.path, head.query);
        let lines = String::from_utf8(head.header_lines().into_owned()).expect("these have no other headers");
        let headers = lines.lines().filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()));
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        let body = bytes[length.head..][..length.body].to_vec();
        Some((head.method.to_string(), target, headers, body))
    }

    /// The request as actix parses it; `None` if it is invalid or incomplete.
    fn parse_with_actix(bytes: &[u8]) -> Option<Request> {
        // The codec needs a runtime for its clock.
        let runtime = actix_web::rt::Runtime::new().expect("a runtime");
        runtime.block_on(async { decoded(bytes) })
    }

    fn decoded(bytes: &[u8]) -> Option<Request> {
        let (mut codec, mut bytes) = (Codec::default(), BytesMut::from(bytes));
        let Ok(Some(Message::Item(request))) = codec.decode(&mut bytes) else {
            return None;
        };
        let mut body = Vec::new();
        while let Ok(Some(Message::Chunk(Some(chunk)))) = codec.decode(&mut bytes) {
            body.extend_from_slice(&chunk);
        }
        let uri = request.uri();
        let question = uri.query().filter(|query| !query.is_empty());
        let target = format!("{}{}", uri.path(), question.map_or(String::new(), |query| format!("?{query}")));
        let headers = request.head().headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        Some((request.method().to_string(), target, headers, body))
    }

    const REQUEST: &str = "PATCH /core/v3/stores/a%20b/customers?a=1&b HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token:  any \r\n\
        content-LENGTH: 2\r\nconnection: Keep-Alive\r\nx-more: a\r\nX-More: b\r\n\r\n{}";

    #[test]
    fn a_request_is_parsed_once_it_is_complete() {
        assert_eq!(parse(REQUEST.as_bytes()), parse_with_actix(REQUEST.as_bytes()));
        assert!(parse(REQUEST.as_bytes()).is_some());
        for end in 0..REQUEST.len() {
            let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            let read = Parsed::new(&REQUEST.as_bytes()[..end], &mut headers);
            assert!(matches!(read, Parsed::Partial), "{end} bytes");
        }
    }

    #[test]
    fn what_needs_the_full_transport_is_not_parsed() {
        for (from, to) in [
            ("PATCH", "PUT"),
            ("PATCH", "patch"),
            ("PATCH", "\r\nPATCH"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("/core", "http://localhost/core"),
            ("/core", "*"),
            ("a%20b", "a|b"),
            ("a%20b", "a#b"),
            ("a%20b", "aéb"),
            ("Host", "Hosts"),
            ("x-more", "host"),
            ("x-more", "content-length"),
            ("2\r\n", "+2\r\n"),
            ("2\r\n", "\r\n"),
            ("2\r\n", "2, 2\r\n"),
            ("2\r\n", "65537\r\n"),
            ("x-more", "transfer-encoding"),
            ("x-more", "Expect"),
            ("Keep-Alive", "keep-alive, keep-alive"),
            ("Keep-Alive", "close, upgrade"),
        ] {
            let changed = REQUEST.replacen(from, to, 1);
            assert_ne!(changed, REQUEST, "{from} was replaced");
            let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            let read = Parsed::new(changed.as_bytes(), &mut headers);
            assert!(matches!(read, Parsed::Unsupported), "{from} as {to}");
        }
    }

    proptest! {
        /// Requests made of valid and invalid parts, with up to two bytes changed.
        #[test]
        fn actix_parses_the_same_request(
            method in prop::sample::select(vec!["GET", "HEAD", "PATCH", "POST", "PUT"]),
            target in "/[a-z/%?&=0-9_|#.-]{0,12}",
            headers in prop::collection::vec(prop::sample::select(vec![
                "Host: a", "host: b", "Content-Length: 3", "content-length: 0", "Content-Length: x", "A:b", "A : b", "a:\tb c ",
                "connection: keep-alive", "Connection: close", "Transfer-Encoding: chunked", " folded", "Expect: 100-continue",
            ]), 0..5),
            end in prop::sample::select(vec!["\r\n", "\n"]),
            body in "[a-z]{0,4}",
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..128), 0..3),
        ) {
            let line = format!("{method} {target} HTTP/1.1");
            let head = [&line, "Host: localhost"].into_iter().chain(headers);
            let head: String = head.flat_map(|line| [line, end]).collect();
            let mut bytes = format!("{head}{end}{body}").into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(parsed) = parse(&bytes) {
                prop_assert_eq!(Some(parsed), parse_with_actix(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
