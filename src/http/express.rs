//! The express lane: requests of the ordinary kind are answered where they arrive.
//!
//! Every connection that begins with HTTP in clear begins here. A request that came whole, and asks for nothing that HTTP/1.1 has
//! beside a method, a path, headers and a body of a known length, is read from the bytes as they came, and its answer is written
//! into a buffer that all connections of the thread share, so that it stays in the fastest caches. The first request of another
//! kind takes its connection along to actix, with what was read of it, and stays there: our own surface but for its health, other methods and
//! versions, chunks, an `Expect`, a page in a browser, a fault that waits, a sender who is slow, and whatever is broken.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::panic::AssertUnwindSafe;
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
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::Given;
use super::admission::admit;
use super::answer::{Answer, Dress, JSON};
use super::body::Body;
use super::connection::KEEP_ALIVE;
use super::control::access::{Access, is_vendor};
use super::control::{HEALTH, Started, ready};
use super::head::Head;
use super::middleware::is_control;
use super::outgoing::Whole;
use super::recording::{Recording, Sent};
use super::rewound::Rewound;
use crate::domain::rejection::Rejection;
use crate::world::World;
use crate::world::clock::real_now;
use crate::world::journal::UnderWay;

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
}

impl Express {
    pub fn new(given: &Given) -> Express {
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
    pub async fn serve(&self, mut stream: TcpStream) -> Option<Rewound> {
        let mut arrived = BytesMut::with_capacity(ROOM);
        let mut idle = Idle::new();
        let mut next = Next::Wait;
        loop {
            arrived.reserve(ROOM);
            let read = match next {
                Next::Wait => idle.watch(stream.read_buf(&mut arrived)).await?,
                Next::WaitForRest => match timeout(BREATH, stream.read_buf(&mut arrived)).await {
                    Ok(read) => read,
                    Err(_) => break,
                },
                Next::HandOver => break,
            };
            match read {
                // In the middle of a request this is for whoever knows what to say.
                Ok(0) if next == Next::WaitForRest => break,
                Ok(0) | Err(_) => return None,
                Ok(_) => next = self.answer_all(&mut arrived, &mut stream).await.ok()?,
            }
        }
        Some(Rewound::new(arrived, stream))
    }

    /// Answers the requests that have arrived whole, and takes them from what has arrived.
    async fn answer_all(&self, arrived: &mut BytesMut, stream: &mut TcpStream) -> io::Result<Next> {
        let mut out = self.desk.take();
        out.clear();
        let mut under_way = None;
        let bytes = arrived.split().freeze();
        let mut rest = &bytes[..];
        let next = loop {
            let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            match Arrived::read(rest, &mut headers) {
                Arrived::Request(head, size) if self.is_ordinary(&head) => {
                    let body = bytes.slice_ref(&rest[size.head..][..size.body]);
                    let (body, guard) = match head.path {
                        HEALTH => self.tell_health(&mut out).await,
                        _ => self.answer(&head, body, &mut out).await,
                    };
                    under_way.get_or_insert_with(Vec::new).push(guard);
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
        drop(under_way);
        if out.capacity() <= 2 * PIECE {
            self.desk.set(out);
        }
        // Nobody else holds the bytes by now, so that nothing is copied.
        *arrived = BytesMut::from(bytes);
        arrived.advance(taken);
        Ok(next)
    }

    /// Whether a request that may be answered here is: of our own surface only whether we are ready is told here, so that who only
    /// waits for it does not make us ready for more.
    fn is_ordinary(&self, head: &Head<'_>) -> bool {
        if !is_control(head.path) {
            return self.world.memory().faults.looked_at().is_none();
        }
        let host = head.header(&HOST).and_then(|host| str::from_utf8(host).ok());
        let is_let_in = host.is_some_and(|host| self.access.is_for(host) && !is_vendor(host));
        head.path == HEALTH && head.method == Method::GET && is_let_in
    }

    /// Tells that the emulator answers. This is not recorded.
    async fn tell_health(&self, out: &mut Vec<u8>) -> (Whole, UnderWay) {
        let Some(under_way) = self.world.journal.let_in() else {
            // It is stopping.
            return pending().await;
        };
        let answer = Answer::json(&ready(&self.started));
        self.begin(&answer, out);
        write!(out, "{CONTENT_TYPE}: {JSON}\r\n\r\n").expect("a Vec takes all writes");
        (answer.body, under_way)
    }

    /// Answers one request, and writes down both. Gives the body, which is still to be written, and what keeps the request under
    /// way until it is. A panic further in is answered here, with 500 in the envelope.
    async fn answer(&self, head: &Head<'_>, body: Bytes, out: &mut Vec<u8>) -> (Whole, UnderWay) {
        let (recording, exchange, operation) = Recording::open(&self.world, head).await;
        let answered = async {
            match operation {
                Ok(operation) => {
                    exchange.set_operation(operation);
                    admit(operation, head, Body::here(head, body, &exchange), &exchange).await
                }
                Err(rejection) => Answer::refusal(&rejection),
            }
        };
        let answered = AssertUnwindSafe(answered).catch_unwind().await;
        let mut answer = answered.unwrap_or_else(|_| Answer::refusal(&Rejection::InternalError));

        let (told, budget) = exchange.end();
        self.begin(&answer, out);
        let from = out.len();
        let dress = Dress {
            number: exchange.number,
            notes: &told.notes,
            budget,
        };
        dress.write_with(&answer, out);
        let sent = Sent {
            status: answer.status.as_u16(),
            headers: &out[from..],
            body: Some(answer.body.draft()),
            rules: std::mem::take(&mut answer.rules),
            fault: None,
        };
        let under_way = recording.close(&exchange, told, sent);
        out.extend_from_slice(b"\r\n");
        (answer.body, under_way)
    }

    /// Writes the beginning of an answer: all that is HTTP's own.
    fn begin(&self, answer: &Answer, out: &mut Vec<u8>) {
        let (status, length) = (answer.status, answer.body.bytes());
        write!(out, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\ndate: ").expect("a Vec takes all writes");
        self.date.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes a body behind what is to be written, as much as may wait; the rest goes out at once.
async fn write(body: Whole, out: &mut Vec<u8>, stream: &mut TcpStream) -> io::Result<()> {
    match body {
        Whole::Bytes(bytes) => out.extend_from_slice(&bytes),
        Whole::Page(mut page) => {
            while !page.is_over() {
                page.write_next(PIECE.saturating_sub(out.len()), out);
                if out.len() >= PIECE {
                    stream.write_all(out).await?;
                    out.clear();
                }
            }
        }
    }
    Ok(())
}

impl<'a> Arrived<'a> {
    fn read(bytes: &'a [u8], headers: &'a mut [MaybeUninit<httparse::Header<'a>>; MAX_HEADERS]) -> Arrived<'a> {
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
    alarm: std::pin::Pin<Box<Sleep>>,
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
