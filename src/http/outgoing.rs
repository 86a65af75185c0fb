//! An answer's body on its way out: handed over piece by piece, so that it is known how far it has got.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, BytesMut};

use crate::domain::page::RenderedPage;
use crate::world::journal::{BodyDraft, InFlight};

/// How much is handed over at a time; actix asks for the next once the socket took most of it.
const PIECE_BYTES: usize = 256 * 1024;

/// How much of a page is handed over at a time: it is written down and copied on while it is in the fastest caches.
const PAGE_PIECE_BYTES: usize = 16 * 1024;

/// An answer's body: all there, or a page that is joined while it goes out.
pub(super) enum Whole {
    Bytes(Bytes),
    Page(RenderedPage),
}

impl Whole {
    pub fn bytes(&self) -> usize {
        match self {
            Whole::Bytes(bytes) => bytes.len(),
            Whole::Page(page) => page.len(),
        }
    }

    /// As the journal gets it.
    pub fn draft(&self) -> BodyDraft<'_> {
        match self {
            Whole::Bytes(bytes) => BodyDraft::complete(bytes),
            Whole::Page(page) => BodyDraft::Page(page),
        }
    }

    /// An answer with this body, as actix writes it. A short page is joined at once.
    pub fn respond(self, status: StatusCode) -> HttpResponse {
        let mut answer = HttpResponse::build(status);
        let page = match self {
            Whole::Bytes(bytes) => return answer.body(bytes),
            Whole::Page(page) if page.len() <= PAGE_PIECE_BYTES => return answer.body(page.to_vec()),
            Whole::Page(page) => page,
        };
        let mut response = answer.finish();
        response.extensions_mut().insert(page);
        response
    }
}

/// Joins the page of an answer that is to be changed.
pub(super) fn joined(mut response: HttpResponse) -> HttpResponse {
    let page = response.extensions_mut().remove::<RenderedPage>();
    match page {
        Some(page) => response.set_body(BoxBody::new(page.to_vec())),
        None => response,
    }
}

/// An answer, and its body if it is known before it goes out.
pub(super) fn taken_apart(response: HttpResponse) -> (HttpResponse<()>, Result<Whole, BoxBody>) {
    let (mut response, body) = response.into_parts();
    let page = response.extensions_mut().remove::<RenderedPage>();
    let body = match page {
        Some(page) => Ok(Whole::Page(page)),
        None => body.try_into_bytes().map(Whole::Bytes),
    };
    (response, body)
}

/// A body that is known, and the request that stays under way until its last piece is handed over.
struct Outgoing {
    bytes: usize,
    rest: Whole,
    /// Where the pieces of a page are joined, one after the other.
    room: BytesMut,
    _under_way: InFlight,
    _unread: Option<Payload>,
}

/// Lets a request stay under way until its answer is written.
///
/// What is left of its own body is held as long: once nobody does, actix waits for the last chunk of it, however long that
/// takes. So it closes the connection after the answer.
pub(super) fn watched(body: Result<Whole, BoxBody>, in_flight: InFlight, unread: Option<Payload>) -> BoxBody {
    match body {
        Ok(rest) => BoxBody::new(Outgoing {
            bytes: rest.bytes(),
            rest,
            room: BytesMut::new(),
            _under_way: in_flight,
            _unread: unread,
        }),
        Err(body) => BoxBody::new(Streaming {
            body,
            _under_way: in_flight,
        }),
    }
}

/// A body that comes while it goes out, and the request that stays under way until its end is handed over.
struct Streaming {
    body: BoxBody,
    _under_way: InFlight,
}

impl MessageBody for Streaming {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl MessageBody for Outgoing {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.bytes).expect("a length in memory fits 64 bits"))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Outgoing { rest, room, .. } = &mut *self;
        let piece = match rest {
            Whole::Bytes(rest) => rest.split_to(rest.len().min(PIECE_BYTES)),
            Whole::Page(page) if page.is_over() => Bytes::new(),
            Whole::Page(page) => {
                // What the piece before took is given back by now.
                room.reserve(PAGE_PIECE_BYTES);
                page.write_chunk(PAGE_PIECE_BYTES, room);
                room.split().freeze()
            }
        };
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}
