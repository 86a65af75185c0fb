//! The fast transport: complete requests with common features, parsed in place.

use std::io::{self, Write};
use std::mem::{self, MaybeUninit};
use std::time::SystemTime;

use actix_web::http::Method;
use actix_web::http::header::{EXPECT, HOST, HeaderName, ORIGIN, TRANSFER_ENCODING, UPGRADE};
use bytes::{Buf, Bytes, BytesMut};
use httpdate::HttpDate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant, sleep, timeout_at};

use super::{DRIP_INTERVAL, KEEP_ALIVE, LINGER_TIMEOUT, TIMED_OUT, drip_bytes};
use crate::http::ServerState;
use crate::http::control::{self, HEALTH};
use crate::http::request::{RequestBody, RequestHead};
use crate::http::respond::{respond, stall_forever};
use crate::http::response::{Delivery, Response};
use crate::http::route::is_control;
use crate::http::stream::Stream;
use crate::world::fault::Disconnect;
use crate::world::journal::InFlight;

/// How much is read at once, at least: more than most requests have.
const READ_BUFFER_SIZE: usize = 8 * 1024;

/// The most headers of a request.
const MAX_HEADERS: usize = 32;

/// The longest head and the longest body of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;

/// How long the rest of a request may take to arrive. Clients often send the head and the body one right after the other.
const PARTIAL_REQUEST_TIMEOUT: Duration = Duration::from_millis(20);

/// Bodies up to this size, in bytes, are copied behind their head, so that pipelined responses are sent together.
const MAX_COPIED_BODY: usize = 16 * 1024;

/// How much output is collected before it is sent, in bytes.
const WRITE_CHUNK_SIZE: usize = 128 * 1024;

/// How serving a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Outcome {
    Closed,
    /// The next request, which is unread in the stream, needs the full transport.
    NeedsFullTransport,
}

/// What to do once all complete requests are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextAction {
    AwaitRequest,
    AwaitRest,
    HandOver,
    Close,
}

/// What a read came to.
enum Read {
    Bytes,
    End,
    Timeout,
}

/// One connection.
struct Connection<'a> {
    state: &'a ServerState,
    stream: &'a mut Stream,
    input: BytesMut,
    output: Vec<u8>,
    /// The requests whose responses are in `output`.
    in_flight: Vec<InFlight>,
}

/// Serves a connection until it ends or needs the full transport.
pub(in crate::http) async fn serve(state: &ServerState, stream: &mut Stream) -> Outcome {
    let mut connection = Connection {
        state,
        stream,
        input: BytesMut::with_capacity(READ_BUFFER_SIZE),
        output: Vec::new(),
        in_flight: Vec::new(),
    };
    // An error means that the client has gone.
    let outcome = connection.serve().await.unwrap_or(Outcome::Closed);
    match outcome {
        Outcome::NeedsFullTransport => {
            let input = connection.input;
            stream.unread(input);
        }
        Outcome::Closed if stream.reset_on_close().is_set() => {}
        Outcome::Closed => drop(stream.shutdown().await),
    }
    outcome
}

impl Connection<'_> {
    async fn serve(&mut self) -> io::Result<Outcome> {
        let mut idle_timeout = self.state.read_timeout;
        loop {
            match self.read(Instant::now() + idle_timeout).await? {
                Read::Bytes => idle_timeout = KEEP_ALIVE,
                Read::Timeout if idle_timeout != KEEP_ALIVE => {
                    self.stream.write_all(TIMED_OUT).await?;
                    return Ok(Outcome::Closed);
                }
                Read::End | Read::Timeout => return Ok(Outcome::Closed),
            }
            let mut action = self.respond_to_complete_requests().await?;
            let deadline = Instant::now() + PARTIAL_REQUEST_TIMEOUT;
            while action == NextAction::AwaitRest {
                action = match self.read(deadline).await? {
                    Read::Bytes => self.respond_to_complete_requests().await?,
                    // The full transport has timeouts for slow clients and errors for truncated requests.
                    Read::End | Read::Timeout => NextAction::HandOver,
                };
            }
            match action {
                NextAction::HandOver => return Ok(Outcome::NeedsFullTransport),
                NextAction::Close => return Ok(Outcome::Closed),
                NextAction::AwaitRequest | NextAction::AwaitRest => {}
            }
            if self.input.capacity() > 2 * READ_BUFFER_SIZE {
                // An idle connection does not retain the memory that a large request needed.
                self.input = BytesMut::with_capacity(READ_BUFFER_SIZE);
            }
        }
    }

    /// Waits for the next bytes.
    async fn read(&mut self, deadline: Instant) -> io::Result<Read> {
        self.input.reserve(READ_BUFFER_SIZE);
        let read = timeout_at(deadline, self.stream.read_buf(&mut self.input)).await;
        Ok(match read.map_or(Ok(None), |count| count.map(Some))? {
            None => Read::Timeout,
            Some(0) => Read::End,
            Some(_) => Read::Bytes,
        })
    }

    async fn respond_to_complete_requests(&mut self) -> io::Result<NextAction> {
        let input = mem::take(&mut self.input).freeze();
        let mut consumed = 0;
        let action = loop {
            let rest = &input[consumed..];
            let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            let (head, length) = match Parsed::new(rest, &mut headers) {
                Parsed::Complete(head, length) => (head, length),
                Parsed::Partial if rest.is_empty() => break NextAction::AwaitRequest,
                Parsed::Partial => break NextAction::AwaitRest,
                Parsed::Unsupported => break NextAction::HandOver,
            };
            let body = input.slice(consumed + length.head..consumed + length.head + length.body);
            let responded = if !is_control(head.path) {
                respond(self.state, &head, RequestBody::buffered(body)).await
            } else if self.is_health_check(&head) {
                let in_flight = self.state.world.journal.begin_request();
                in_flight.map(|in_flight| (Response::json(&control::health_json(&self.state.started)), in_flight))
            } else {
                break NextAction::HandOver;
            };
            let Some((response, in_flight)) = responded else {
                self.flush(Bytes::new()).await?;
                return stall_forever().await;
            };
            consumed += length.head + length.body;
            self.in_flight.push(in_flight);
            if let NextAction::Close = self.send(response, &head, length.closes).await? {
                return Ok(NextAction::Close);
            }
        };
        self.flush(Bytes::new()).await?;
        // No other handle to the bytes is left, so this does not copy them.
        self.input = BytesMut::from(input);
        self.input.advance(consumed);
        Ok(action)
    }

    /// Only `GET /_mock/health` is answered here, so that a readiness probe does not initialise actix-web.
    fn is_health_check(&self, head: &RequestHead<'_>) -> bool {
        head.path == HEALTH
            && head.method == Method::GET
            && head.header(&ORIGIN).is_none()
            && head
                .header_text(&HOST)
                .is_some_and(|host| self.state.access.allows_health_at(host))
    }

    /// Sends a response, or collects it in the output.
    async fn send(&mut self, response: Response, head: &RequestHead<'_>, closes: bool) -> io::Result<NextAction> {
        let is_head = head.method == Method::HEAD;
        let delivery = if is_head && response.is_sent() {
            Delivery::Normal
        } else {
            response.delivery
        };
        if let Delivery::Disconnected(disconnect) = delivery {
            self.flush(Bytes::new()).await?;
            if disconnect == Disconnect::Reset {
                self.stream.reset_on_close().set();
            }
            return Ok(NextAction::Close);
        }
        self.encode_head(&response, closes);
        if let Delivery::Throttled {
            sent_bytes,
            bytes_per_second,
        } = delivery
        {
            self.flush(Bytes::new()).await?;
            let is_truncated = sent_bytes < response.body.len();
            self.send_throttled(response.body.slice(..sent_bytes), bytes_per_second)
                .await?;
            self.in_flight.clear();
            if is_truncated {
                sleep(LINGER_TIMEOUT).await;
                return Ok(NextAction::Close);
            }
        } else if is_head {
        } else if response.body.len() > MAX_COPIED_BODY || self.output.len() > WRITE_CHUNK_SIZE {
            self.flush(response.body).await?;
        } else {
            self.output.extend_from_slice(&response.body);
        }
        if closes {
            self.flush(Bytes::new()).await?;
            return Ok(NextAction::Close);
        }
        Ok(NextAction::AwaitRequest)
    }

    async fn send_throttled(&mut self, mut body: Bytes, bytes_per_second: Option<u32>) -> io::Result<()> {
        let Some(bytes_per_second) = bytes_per_second else {
            return self.flush(body).await;
        };
        while !body.is_empty() {
            sleep(DRIP_INTERVAL).await;
            let drip = body.split_to(drip_bytes(bytes_per_second).min(body.len()));
            self.stream.write_all(&drip).await?;
            self.stream.flush().await?;
        }
        Ok(())
    }

    /// Sends the collected output, then a body.
    async fn flush(&mut self, body: Bytes) -> io::Result<()> {
        if !self.output.is_empty() || !body.is_empty() {
            self.stream
                .write_all_buf(&mut Buf::chain(self.output.as_slice(), body))
                .await?;
            self.stream.flush().await?;
            self.output.clear();
        }
        self.in_flight.clear();
        Ok(())
    }

    fn encode_head(&mut self, response: &Response, closes: bool) {
        let out = &mut self.output;
        let status = response.status;
        let reason = status.canonical_reason().unwrap_or_default();
        let date = HttpDate::from(SystemTime::now());
        let length = response.body.len();
        write!(
            out,
            "HTTP/1.1 {} {reason}\r\ncontent-length: {length}\r\ndate: {date}\r\n",
            status.as_u16()
        )
        .expect("writing to a Vec cannot fail");
        if closes {
            out.extend_from_slice(b"connection: close\r\n");
        }
        response.write_headers(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// What the bytes that have arrived start with.
enum Parsed<'a> {
    /// A whole request.
    Complete(RequestHead<'a>, RequestLength),
    /// The first part of one, as far as can be seen.
    Partial,
    /// A request that needs the full transport, or no request.
    Unsupported,
}

/// The length of a request in bytes, and whether the client wants the connection to be closed after it.
#[derive(Clone, Copy)]
struct RequestLength {
    head: usize,
    body: usize,
    closes: bool,
}

impl<'a> Parsed<'a> {
    fn new(bytes: &'a [u8], headers: &'a mut [MaybeUninit<httparse::Header<'a>>; MAX_HEADERS]) -> Parsed<'a> {
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
        let lines = memchr::memchr(b'\n', bytes).map_or(head, |end_of_request_line| end_of_request_line + 1);
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
    const UNSUPPORTED: [HeaderName; 3] = [TRANSFER_ENCODING, EXPECT, UPGRADE];
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
            if !closes && !value.eq_ignore_ascii_case(b"keep-alive") {
                return None;
            }
        } else if UNSUPPORTED.iter().any(|unsupported| is(unsupported.as_str())) {
            return None;
        }
    }
    (hosts == 1).then(|| (length.unwrap_or(0), closes))
}

#[cfg(test)]
mod tests {
    use actix_http::h1::{Codec, Message};
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
        let target = format!(
            "{}{}",
            uri.path(),
            question.map_or(String::new(), |query| format!("?{query}"))
        );
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
            ("x-more", "upgrade"),
            ("Keep-Alive", "keep-alive, upgrade"),
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
