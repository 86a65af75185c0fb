//! The fast transport: complete requests with common features, parsed in place.

mod parser;

use std::io::{self, Write};
use std::mem::{self, MaybeUninit};
use std::time::SystemTime;

use actix_web::http::Method;
use actix_web::http::header::{DATE, HOST, ORIGIN};
use bytes::{Buf, Bytes, BytesMut};
use httpdate::HttpDate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant, sleep, timeout_at};

use parser::{MAX_HEADERS, Parsed};

use super::{DRIP_INTERVAL, KEEP_ALIVE, LINGER_TIMEOUT, TIMED_OUT, drip_bytes};
use crate::http::ServerState;
use crate::http::control::access::SEC_FETCH_SITE;
use crate::http::control::{self, HEALTH};
use crate::http::hosts::{is_yotpo, without_port};
use crate::http::request::{RequestBody, RequestHead};
use crate::http::respond::{respond, stall_forever};
use crate::http::response::{Delivery, Response};
use crate::http::route::is_control;
use crate::http::stream::Stream;
use crate::world::clock::real_now;
use crate::world::fault::{Disconnect, may_have_body};
use crate::world::journal::InFlight;

/// How much is read at once, at least: more than most requests have.
const READ_BUFFER_SIZE: usize = 8 * 1024;

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

/// The result of a read.
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

    /// Whether the emulated API answers at the host of a request.
    fn is_at_known_host(&self, head: &RequestHead<'_>) -> bool {
        let host = head.header(&HOST).map(String::from_utf8_lossy);
        host.is_none_or(|host| self.state.access.allows_api_at(&host))
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
            let is_control = is_control(head.path);
            if !is_control && (is_from_browser(&head) || !self.is_at_known_host(&head)) {
                break NextAction::HandOver;
            }
            let responded = if !is_control {
                respond(self.state, &head, RequestBody::buffered(body)).await
            } else if is_health_check(&head) {
                let in_flight = self.state.world.journal.begin_request();
                let mut response = Response::json(&control::health_json(&self.state.started));
                response.add_missing(control::own_site_headers(false));
                in_flight.map(|in_flight| (response, in_flight))
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

    /// Sends a response, or collects it in the output.
    async fn send(&mut self, response: Response, head: &RequestHead<'_>, closes: bool) -> io::Result<NextAction> {
        if let Delivery::Disconnected(disconnect) = response.delivery {
            self.flush(Bytes::new()).await?;
            if disconnect == Disconnect::Reset {
                self.stream.reset_on_close().set();
            }
            return Ok(NextAction::Close);
        }
        self.encode_head(&response, closes);
        let is_head = head.method == Method::HEAD;
        let body = if is_head { Bytes::new() } else { response.body };
        match response.delivery {
            Delivery::Throttled { sent_bytes, bytes_per_second } if !is_head => {
                self.flush(Bytes::new()).await?;
                self.send_throttled(body.slice(..sent_bytes), bytes_per_second).await?;
                if sent_bytes < body.len() {
                    sleep(LINGER_TIMEOUT).await;
                    return Ok(NextAction::Close);
                }
            }
            _ if closes || body.len() > MAX_COPIED_BODY || self.output.len() > WRITE_CHUNK_SIZE => {
                self.flush(body).await?;
            }
            _ => self.output.extend_from_slice(&body),
        }
        Ok(if closes { NextAction::Close } else { NextAction::AwaitRequest })
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
            self.stream.write_all_buf(&mut Buf::chain(self.output.as_slice(), body)).await?;
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
        write!(out, "HTTP/1.1 {} {reason}\r\n", status.as_u16()).expect("writing to a Vec cannot fail");
        if may_have_body(status.as_u16()) {
            write!(out, "content-length: {}\r\n", response.body.len()).expect("writing to a Vec cannot fail");
        }
        if !response.has(&DATE) {
            let date = HttpDate::from(SystemTime::from(real_now()));
            write!(out, "date: {date}\r\n").expect("writing to a Vec cannot fail");
        }
        if closes {
            out.extend_from_slice(b"connection: close\r\n");
        }
        response.write_headers(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Only `GET /_mock/health` is answered here, so that a readiness probe does not initialise actix-web.
fn is_health_check(head: &RequestHead<'_>) -> bool {
    head.path == HEALTH
        && head.method == Method::GET
        && !is_from_browser(head)
        && head.header_text(&HOST).is_some_and(|host| !is_yotpo(without_port(host)))
}

/// Whether a request has a header that only browsers send, and that decides whether it is answered.
fn is_from_browser(head: &RequestHead<'_>) -> bool {
    head.header(&ORIGIN).is_some() || head.header(&SEC_FETCH_SITE).is_some()
}
