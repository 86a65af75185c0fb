//! The express lane: requests of the ordinary kind are answered where they arrive.
//!
//! Every connection that begins with HTTP in clear begins here. A request that came whole, and asks for nothing that HTTP/1.1 has
//! beside a method, a path, headers and a body of a known length, is read from the bytes as they came, and its answer is written
//! into a buffer that all connections of the thread share, so that it stays in the fastest caches. The first request of another
//! kind takes its connection along to actix, with what was read of it, and it stays there: our own surface but for its health, other
//! methods and versions, chunks, an `Expect`, a page in a browser, a fault that waits, a sender who is slow, whatever is broken.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::mem::{self, MaybeUninit};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, EXPECT, HOST, HeaderName, ORIGIN, TRANSFER_ENCODING, UPGRADE,
};
use actix_web::web::Data;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout_at};

use super::ServerState;
use super::admission::admit;
use super::answer::{Answer, Dress, JSON};
use super::body::Body;
use super::connection::KEEP_ALIVE;
use super::control::access::Access;
use super::control::{HEALTH, Started, ready};
use super::head::Head;
use super::journal_recorder::{JournalRecorder, Sent, never_answered};
use super::middleware::is_control;
use super::outgoing::Whole;
use super::prefixed_stream::PrefixedStream;
use crate::domain::page::RenderedPage;
use crate::domain::rejection::Rejection;
use crate::world::World;
use crate::world::clock::real_now;
use crate::world::journal::InFlight;

/// How much is read at a time, at least: more than an ordinary request has.
const ROOM: usize = 8 * 1024;

/// The most headers of an ordinary request.
const MAX_HEADERS: usize = 32;

/// The longest head, and the longest body, of an ordinary request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 64 * 1024;

/// How long the rest of a request may take to arrive: clients send a head and a body one right after the other.
const BREATH: Duration = Duration::from_millis(20);

/// How much is written at a time; an ordinary page is less.
const PIECE: usize = 128 * 1024;

/// What serves the ordinary requests of one thread.
pub(super) struct Express {
    world: Arc<World>,
    access: Data<Access>,
    started: Data<Started>,
    /// Where answers are written before they go out.
    desk: Cell<Vec<u8>>,
    date: Date,
}

/// What the bytes that have arrived begin with.
enum Arrived<'a> {
    Request(Head<'a>, Size),
    /// A part of a request that may be ordinary.
    Part,
    /// Something else.
    Other,
}

/// How long a request is, in bytes.
#[derive(Clone, Copy)]
struct Size {
    head: usize,
    body: usize,
}

/// What is to be done with a connection once the requests that arrived whole are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It waits for a request.
    Wait,
    /// It waits for the rest of one.
    WaitForRest,
    HandOver,
    /// The emulator is stopping, and takes no more.
    Stop,
}

impl Express {
    pub fn new(given: &ServerState) -> Express {
        Express {
            world: given.world.clone().into_inner(),
            access: given.access.clone(),
            started: given.started.clone(),
            desk: Cell::default(),
            date: Date::default(),
        }
    }

    /// Serves a connection. Gives it back, with what was read of it, once something else than an ordinary request comes; `None`
    /// where it is over.
    pub async fn serve(&self, mut stream: TcpStream) -> Option<PrefixedStream> {
        let mut arrived = BytesMut::with_capacity(ROOM);
        let mut idle = Idle::new();
        loop {
            arrived.reserve(ROOM);
            match idle.watch(stream.read_buf(&mut arrived)).await? {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            let mut next = self.answer_all(&mut arrived, &mut stream).await.ok()?;
            // However many pieces the rest comes in.
            let mut until = None;
            while next == Next::WaitForRest {
                arrived.reserve(ROOM);
                let until = *until.get_or_insert_with(|| Instant::now() + BREATH);
                next = match timeout_at(until, stream.read_buf(&mut arrived)).await {
                    Ok(Ok(1..)) => self.answer_all(&mut arrived, &mut stream).await.ok()?,
                    Ok(Err(_)) => return None,
                    // It is slow, or has ended in the middle of a request: for whoever knows what to say.
                    Ok(Ok(0)) | Err(_) => Next::HandOver,
                };
            }
            if next == Next::HandOver {
                return Some(PrefixedStream::new(arrived, stream));
            }
            if arrived.capacity() > 2 * ROOM {
                // What one large request needed is not kept while nothing comes.
                arrived = BytesMut::with_capacity(ROOM);
            }
        }
    }

    /// Answers the requests that have arrived whole, and takes them from what has arrived.
    async fn answer_all(&self, arrived: &mut BytesMut, stream: &mut TcpStream) -> io::Result<Next> {
        let mut out = self.desk.take();
        out.clear();
        let mut in_flight = Vec::new();
        let bytes = mem::take(arrived).freeze();
        let mut rest = &bytes[..];
        let next = loop {
            let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            match Arrived::read(rest, &mut headers) {
                Arrived::Request(head, size) if self.is_ordinary(&head) => {
                    let body = bytes.slice_ref(&rest[size.head..][..size.body]);
                    let answered = match head.path {
                        HEALTH => self.tell_health(&mut out),
                        _ => self.answer(&head, body, &mut out).await,
                    };
                    let Some((body, guard)) = answered else {
                        break Next::Stop;
                    };
                    in_flight.push(guard);
                    write(body, &mut out, stream).await?;
                    rest = &rest[size.head + size.body..];
                }
                Arrived::Request(..) | Arrived::Other => break Next::HandOver,
                Arrived::Part if rest.is_empty() => break Next::Wait,
                Arrived::Part => break Next::WaitForRest,
            }
        };
        let taken = bytes.len() - rest.len();
        stream.write_all(&out).await?;
        drop(in_flight);
        if next == Next::Stop {
            return never_answered().await;
        }
        if out.capacity() <= 2 * PIECE {
            self.desk.set(out);
        }
        // Nobody else holds the bytes by now, so that nothing is copied.
        *arrived = BytesMut::from(bytes);
        arrived.advance(taken);
        Ok(next)
    }

    /// Whether a request that is ordinary by its bytes is answered here. Of our own surface it is told here whether the emulator is
    /// ready, so that whoever only waits for that does not let it make ready for more.
    fn is_ordinary(&self, head: &Head<'_>) -> bool {
        if !is_control(head.path) {
            return self.world.memory().faults.match_inputs().is_none();
        }
        let host = head.header(&HOST).and_then(|host| str::from_utf8(host).ok());
        head.path == HEALTH && head.method == Method::GET && host.is_some_and(|host| self.access.allows_health_at(host))
    }

    /// Tells that the emulator answers; `None` where it is stopping. This is not recorded.
    fn tell_health(&self, out: &mut Vec<u8>) -> Option<(Whole, InFlight)> {
        let in_flight = self.world.journal.begin_request()?;
        let answer = Answer::json(&ready(&self.started));
        self.begin(&answer, out);
        write!(out, "{CONTENT_TYPE}: {JSON}\r\n\r\n").expect("a Vec takes all writes");
        Some((answer.body, in_flight))
    }

    /// Answers one request, and writes down both. Gives the body, which is still to be written, and what keeps the request under
    /// way until it is; `None` where the emulator is stopping. A panic further in is answered here, with 500 in the envelope.
    async fn answer(&self, head: &Head<'_>, body: Bytes, out: &mut Vec<u8>) -> Option<(Whole, InFlight)> {
        let (journal_recorder, context, operation) = JournalRecorder::open(&self.world, head)?;
        let answered = async {
            match operation {
                Ok(operation) => admit(operation, head, Body::here(head, body, &context), &context).await,
                Err(rejection) => Answer::refusal(&rejection),
            }
        };
        let answered = AssertUnwindSafe(answered).catch_unwind().await;
        let mut answer = answered.unwrap_or_else(|_| Answer::refusal(&Rejection::InternalError));

        let (told, rate_limit_status) = context.end();
        self.begin(&answer, out);
        let from = out.len();
        let dress = Dress {
            number: context.number,
            notes: &told.notes,
            rate_limit_status,
        };
        dress.write_with(&answer, out);
        let sent = Sent {
            status: answer.status.as_u16(),
            headers: &out[from..],
            body: Some(answer.body.draft()),
            rules: mem::take(&mut answer.rules),
            fault: None,
        };
        let in_flight = journal_recorder.close(&context, told, sent);
        out.extend_from_slice(b"\r\n");
        Some((answer.body, in_flight))
    }

    /// Writes the beginning of an answer: all that is HTTP's own.
    fn begin(&self, answer: &Answer, out: &mut Vec<u8>) {
        let (status, length) = (answer.status, answer.body.bytes());
        write!(out, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\ndate: ").expect("a Vec takes all writes");
        self.date.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes a body behind what is to be written. What becomes too much to wait goes out at once.
async fn write(body: Whole, out: &mut Vec<u8>, stream: &mut TcpStream) -> io::Result<()> {
    let mut page = match body {
        Whole::Bytes(bytes) => {
            out.extend_from_slice(&bytes);
            None
        }
        Whole::Page(page) => Some(page),
    };
    loop {
        if let Some(page) = &mut page {
            page.write_chunk(PIECE.saturating_sub(out.len()), out);
        }
        if out.len() >= PIECE {
            stream.write_all(out).await?;
            out.clear();
        }
        if page.as_ref().is_none_or(RenderedPage::is_over) {
            return Ok(());
        }
    }
}

impl<'a> Arrived<'a> {
    fn read(bytes: &'a [u8], headers: &'a mut [MaybeUninit<httparse::Header<'a>>; MAX_HEADERS]) -> Arrived<'a> {
        // The parser passes over empty lines before a request.
        if bytes.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            return Arrived::Other;
        }
        let mut request = httparse::Request::new(&mut []);
        let head = match request.parse_with_uninit_headers(bytes, headers) {
            Ok(httparse::Status::Complete(head)) if head <= MAX_HEAD => head,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Arrived::Part,
            _ => return Arrived::Other,
        };
        let (method, target) = match (request.method, request.path, request.version) {
            (Some("GET"), Some(target), Some(1)) => (&Method::GET, target),
            (Some("PATCH"), Some(target), Some(1)) => (&Method::PATCH, target),
            (Some("POST"), Some(target), Some(1)) => (&Method::POST, target),
            _ => return Arrived::Other,
        };
        let Some(body) = body_length(request.headers).filter(|_| is_plain(target)) else {
            return Arrived::Other;
        };
        if bytes.len() < head + body {
            return Arrived::Part;
        }
        // The request line ends with the first line's end.
        let lines = memchr::memchr(b'\n', bytes).map_or(head, |end| end + 1);
        let size = Size { head, body };
        Arrived::Request(
            Head::of_lines(method, target, request.headers, &bytes[lines..head]),
            size,
        )
    }
}

/// Whether a target is a path that every reader of URIs takes as it is.
fn is_plain(target: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=%-_.~+:,@!$'()*;".contains(&byte);
    target.starts_with('/') && target.bytes().all(is_plain)
}

/// How long the body of an ordinary request is; `None` where the headers speak of anything else.
fn body_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    const OTHERS: [HeaderName; 5] = [
        TRANSFER_ENCODING,
        EXPECT,
        UPGRADE,
        ORIGIN,
        ACCESS_CONTROL_REQUEST_METHOD,
    ];
    let (mut hosts, mut length) = (0, None);
    for httparse::Header { name, value } in headers {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            hosts += 1;
        } else if is("content-length") {
            let digits = length.is_none() && value.iter().all(u8::is_ascii_digit);
            let digits = str::from_utf8(value).ok().filter(|_| digits)?;
            length = Some(digits.parse().ok().filter(|length| *length <= MAX_BODY)?);
        } else if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive")
            || OTHERS.iter().any(|other| is(other.as_str()))
        {
            return None;
        }
    }
    (hosts == 1).then(|| length.unwrap_or(0))
}

/// Tells when a connection has been idle for too long, at no cost to one that is not.
struct Idle {
    since: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Idle {
    fn new() -> Idle {
        Idle {
            since: Instant::now(),
            alarm: Box::pin(sleep(KEEP_ALIVE)),
        }
    }

    /// Waits for something; `None` where it does not come in time.
    async fn watch<T>(&mut self, coming: impl Future<Output = T>) -> Option<T> {
        self.since = Instant::now();
        tokio::pin!(coming);
        loop {
            tokio::select! {
                biased;
                come = &mut coming => return Some(come),
                () = &mut self.alarm => {
                    // It is set anew only when it goes off.
                    let end = self.since + KEEP_ALIVE;
                    if Instant::now() >= end {
                        return None;
                    }
                    self.alarm.set(sleep_until(end));
                }
            }
        }
    }
}

/// The date of answers, written once a second.
#[derive(Default)]
struct Date {
    second: Cell<i64>,
    text: RefCell<String>,
}

impl Date {
    fn write(&self, out: &mut Vec<u8>) {
        let now = real_now();
        if self.second.replace(now.timestamp()) != now.timestamp() {
            *self.text.borrow_mut() = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        }
        out.extend_from_slice(self.text.borrow().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use actix_http::h1::{Codec, Message};
    use proptest::prelude::*;
    use tokio_util::codec::Decoder;

    use super::*;

    /// What a request says, as far as anybody here asks: method, target, headers in order, body.
    type Said = (String, String, Vec<(String, Vec<u8>)>, Vec<u8>);

    /// What the lane takes it to say; `None` where it leaves it to actix.
    fn here(bytes: &[u8]) -> Option<Said> {
        let mut room = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let Arrived::Request(head, size) = Arrived::read(bytes, &mut room) else {
            return None;
        };
        let question = if head.query.is_empty() { "" } else { "?" };
        let target = format!("{}{question}{}", head.path, head.query);
        let lines = String::from_utf8(head.lines().into_owned()).expect("these have no other headers");
        let headers = lines.lines().filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()));
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        let body = bytes[size.head..][..size.body].to_vec();
        Some((head.method.to_string(), target, headers, body))
    }

    /// What actix takes it to say; `None` where it refuses it, or waits for more.
    fn by_actix(bytes: &[u8]) -> Option<Said> {
        // Its codec keeps a clock.
        let runtime = actix_web::rt::Runtime::new().expect("a runtime");
        runtime.block_on(async { decoded(bytes) })
    }

    fn decoded(bytes: &[u8]) -> Option<Said> {
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

    const ORDINARY: &str = "PATCH /core/v3/stores/a%20b/customers?a=1&b HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token:  any \r\n\
        content-LENGTH: 2\r\nconnection: Keep-Alive\r\nx-more: a\r\nX-More: b\r\n\r\n{}";

    #[test]
    fn an_ordinary_request_is_taken_once_it_is_whole() {
        assert_eq!(here(ORDINARY.as_bytes()), by_actix(ORDINARY.as_bytes()));
        assert!(here(ORDINARY.as_bytes()).is_some());
        for end in 0..ORDINARY.len() {
            let mut room = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            let read = Arrived::read(&ORDINARY.as_bytes()[..end], &mut room);
            assert!(matches!(read, Arrived::Part), "{end} bytes");
        }
    }

    #[test]
    fn whatever_else_http_has_is_left_to_actix() {
        for (from, to) in [
            ("PATCH", "HEAD"),
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
            ("x-more", "Origin"),
            ("Keep-Alive", "close"),
            ("Keep-Alive", "keep-alive, upgrade"),
        ] {
            let changed = ORDINARY.replacen(from, to, 1);
            assert_ne!(changed, ORDINARY, "{from} stands there");
            let mut room = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            let read = Arrived::read(changed.as_bytes(), &mut room);
            assert!(matches!(read, Arrived::Other), "{from} as {to}");
        }
    }

    proptest! {
        /// Requests that are put together of good and bad pieces, and changed in a byte or two.
        #[test]
        fn what_is_taken_here_actix_takes_for_the_same(
            method in prop::sample::select(vec!["GET", "PATCH", "POST", "PUT"]),
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
            if let Some(said) = here(&bytes) {
                prop_assert_eq!(Some(said), by_actix(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
