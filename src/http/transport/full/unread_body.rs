//! The rest of a request's body that no handler has read.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use actix_web::http::StatusCode;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Duration, Instant, timeout_at};

use crate::http::request::ArrivingBody;

/// The longest rest of a body that is read and discarded before a response that does not need it, and how long the client may
/// pause meanwhile. Many clients read no response before they have sent their body, and see a broken pipe instead.
const MAX_DISCARDED_BYTES: usize = 64 * 1024 * 1024;
const DISCARD_PAUSE: Duration = Duration::from_millis(500);

/// The body of a request to the control API, whose rest can be read when actix-web has dropped its handle.
#[derive(Clone)]
pub struct SharedBody(Rc<RefCell<ArrivingBody>>);

impl SharedBody {
    pub fn new(body: ArrivingBody) -> SharedBody {
        SharedBody(Rc::new(RefCell::new(body)))
    }
}

impl futures_util::Stream for SharedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(context)
    }
}

/// Reads the rest of a request's body before a response with `status`. Returns the body if it is too long or does not end within
/// `time_limit`: while it is held, actix does not wait for its end, and closes the connection after the response.
///
/// A client that waits for `100 Continue` has been told to send its body by now.
pub async fn discard<P>(mut payload: P, length: Option<usize>, status: StatusCode, time_limit: Duration) -> Option<P>
where
    P: futures_util::Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    // A client whose body did not arrive in time gets no more time.
    if status == StatusCode::REQUEST_TIMEOUT || length.is_some_and(|length| length > MAX_DISCARDED_BYTES) {
        return Some(payload);
    }
    let deadline = Instant::now() + time_limit;
    let mut left = MAX_DISCARDED_BYTES;
    loop {
        let pause = deadline.min(Instant::now() + DISCARD_PAUSE);
        match timeout_at(pause, payload.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(chunk))) if chunk.len() <= left => left -= chunk.len(),
            Ok(Some(_)) | Err(_) => return Some(payload),
        }
    }
}
