//! An answer's body on its way out: handed over piece by piece, so that it is known how far it has got.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::web::Bytes;

use crate::world::journal::UnderWay;

/// How much is handed over at a time. An ordinary page is one piece; actix asks for the next once the socket took most of it.
const PIECE_BYTES: usize = 256 * 1024;

/// A body that is all there, and the request that stays under way until its last piece is handed over.
struct Outgoing {
    rest: Bytes,
    _under_way: UnderWay,
    _unread: Option<Payload>,
}

/// Lets a request stay under way until its answer is written.
///
/// What is left of its own body is held as long: once nobody does, actix waits for the last chunk of it, however long that
/// takes. So it closes the connection after the answer.
pub(super) fn watched(body: Result<Bytes, BoxBody>, under_way: UnderWay, unread: Option<Payload>) -> BoxBody {
    match body {
        Ok(rest) => BoxBody::new(Outgoing {
            rest,
            _under_way: under_way,
            _unread: unread,
        }),
        Err(body) => BoxBody::new(Streaming {
            body,
            _under_way: under_way,
        }),
    }
}

/// A body that comes while it goes out, and the request that stays under way until its end is handed over.
struct Streaming {
    body: BoxBody,
    _under_way: UnderWay,
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
        BodySize::Sized(u64::try_from(self.rest.len()).expect("a length in memory fits 64 bits"))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}
