//! Faults over HTTP: what a request is held against, and how the vendor misbehaves.
//!
//! A fault is met after path and method were found and before anything else is asked. What it does after the commit is done to
//! the answer on its way out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ContentType, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::rt::time::{Sleep, sleep};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;
use serde_json::{Map, Value, json};

use super::body::{parameters, read_ahead, timeout_of};
use super::outgoing::joined;
use super::request_context::RequestContext;
use crate::domain::json;
use crate::domain::operation::Operation;
use crate::os::Socket;
use crate::world::fault::{Disconnect, Effect, MatchedFault};

/// Names the fault that an answer met.
const FAULT: HeaderName = HeaderName::from_static("x-yotpo-mock-fault");

/// How often a dripping answer lets go of some bytes.
const DRIP: Duration = Duration::from_millis(50);

/// How long what was sent may take to leave before a truncated answer is cut.
const LEAVE: Duration = Duration::from_millis(20);

/// Marks, among an answer's extensions, that a fault struck.
pub(super) struct Struck {
    pub fault: u64,
    /// Whether the client gets an answer at all.
    pub is_answered: bool,
}

/// The fault that a request meets, if any.
pub(super) async fn meet(
    operation: Operation,
    request: &HttpRequest,
    payload: &mut Payload,
    context: &RequestContext,
) -> Option<MatchedFault> {
    let faults = context.call.faults();
    let match_inputs = faults.match_inputs()?;
    let store_is_in_body = operation == Operation::CreateOauthToken;
    let body = if match_inputs.bodies || store_is_in_body {
        read_ahead(payload, timeout_of(request), context).await
    } else {
        None
    };
    // One that is too large or does not arrive whole matches nothing.
    let body = body.map_or(Value::Null, |body| told(&body));
    let store = context
        .store()
        .or_else(|| body["client_id"].as_str().map(str::to_owned));
    faults.match_fault(&json!({
        "operation": operation.as_str(),
        "store": store,
        "method": request.method().as_str(),
        "path": request.path(),
        "query": texts(parameters(request.query_string()).unwrap_or_default()),
        "headers": texts(request.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })),
        "body": body,
    }))
}

/// Names and texts as an object; of a repeated name the last wins.
fn texts(pairs: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    pairs.into_iter().map(|(name, text)| (name, text.into())).collect()
}

/// A body as JSON, as a form or as text.
fn told(body: &[u8]) -> Value {
    match json::parse_value(body) {
        Ok(json) => json,
        Err(_) if body.contains(&b'=') => Value::Object(texts(form_urlencoded::parse(body).into_owned())),
        Err(_) => String::from_utf8_lossy(body).into_owned().into(),
    }
}

/// The answer of a fault in the place of the emulator's.
pub(super) fn answer(request: &HttpRequest, met: &MatchedFault) -> HttpResponse {
    let MatchedFault { id, effect } = met;
    if let Some(cut) = effect.connection {
        return no_answer(request, *id, cut);
    }
    let status = effect
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    let body = effect.body.clone().unwrap_or_else(|| {
        let message = format!("injected by fault {id}");
        if status.is_success() {
            "{}".to_owned()
        } else {
            json!({"errors": [{ "message": message }]}).to_string()
        }
    });
    let mut response = HttpResponse::build(status);
    response.content_type(ContentType::json());
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.insert_header((RETRY_AFTER, 1));
    }
    altered(response.body(body), met)
}

/// An answer as a fault leaves it.
pub(super) fn played(request: &HttpRequest, response: HttpResponse, met: &MatchedFault) -> HttpResponse {
    if met.effect.replaces_the_answer() {
        answer(request, met)
    } else {
        altered(response, met)
    }
}

fn altered(mut response: HttpResponse, met: &MatchedFault) -> HttpResponse {
    let Effect {
        content_type,
        headers,
        malformed_json,
        truncate_bytes,
        drip_bytes_per_second,
        ..
    } = &met.effect;
    response.extensions_mut().insert(Struck {
        fault: met.id,
        is_answered: true,
    });
    let map = response.headers_mut();
    map.insert(FAULT, met.id.into());
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a fault's headers were looked at when it was made");
        map.insert(name, header(value));
    }
    if let Some(content_type) = content_type {
        map.insert(CONTENT_TYPE, header(content_type));
    }
    if !malformed_json && truncate_bytes.is_none() && drip_bytes_per_second.is_none() {
        return response;
    }
    joined(response).map_body(|_, body| {
        let mut rest = match body.try_into_bytes() {
            Ok(bytes) => bytes,
            Err(body) => return body,
        };
        if *malformed_json {
            // Less its last byte no JSON object or array is whole; of what is empty something is begun.
            rest = if rest.is_empty() {
                Bytes::from_static(b"{")
            } else {
                rest.slice(..rest.len() - 1)
            };
        }
        let whole = rest.len();
        let is_cut = truncate_bytes.is_some_and(|bytes| bytes < whole);
        if let Some(bytes) = truncate_bytes {
            rest.truncate(*bytes);
        }
        BoxBody::new(Faulty {
            whole,
            rest,
            is_cut,
            drip: drip_bytes_per_second.map(pieces_of),
            ..Faulty::default()
        })
    })
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("a fault's headers were looked at when it was made")
}

/// How many bytes of a rate are let go at a time.
fn pieces_of(bytes_per_second: u32) -> usize {
    let pieces = 1000 / DRIP.as_millis();
    usize::try_from(u128::from(bytes_per_second).div_ceil(pieces)).expect("a part of 32 bits fits")
}

/// A connection that ends before anything is answered.
fn no_answer(request: &HttpRequest, fault: u64, cut: Disconnect) -> HttpResponse {
    if let (Disconnect::Reset, Some(socket)) = (cut, request.conn_data::<Socket>()) {
        socket.reset_when_closed();
    }
    let mut response = HttpResponse::Ok().body(BoxBody::new(Faulty {
        whole: 1,
        is_cut: true,
        ..Faulty::default()
    }));
    response.extensions_mut().insert(Struck {
        fault,
        is_answered: false,
    });
    response
}

/// A body that goes out slowly, or not to its end.
#[derive(Default)]
struct Faulty {
    /// What Content-Length says.
    whole: usize,
    /// What is still let go.
    rest: Bytes,
    /// Whether the connection is cut then.
    is_cut: bool,
    /// How many bytes are let go at a time, if it is not all at once.
    drip: Option<usize>,
    was_begun: bool,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Faulty {
    /// How long to wait before what comes next: before each drop, and before the cut, so that what was let go has left.
    fn pause(&self) -> Option<Duration> {
        if self.rest.is_empty() {
            (self.is_cut && self.was_begun).then_some(LEAVE)
        } else {
            self.drip.map(|_| DRIP)
        }
    }
}

impl MessageBody for Faulty {
    type Error = Cutting;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.whole).expect("a length in memory fits 64 bits"))
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cutting>>> {
        if self.wait.is_none() {
            self.wait = self.pause().map(|pause| Box::pin(sleep(pause)));
        }
        if let Some(wait) = &mut self.wait {
            ready!(wait.poll_unpin(context));
            self.wait = None;
        }
        if self.rest.is_empty() {
            return Poll::Ready(self.is_cut.then_some(Err(Cutting)));
        }
        self.was_begun = true;
        let piece = self.drip.unwrap_or(usize::MAX).min(self.rest.len());
        Poll::Ready(Some(Ok(self.rest.split_to(piece))))
    }
}

/// What makes actix close the connection in the middle of an answer.
#[derive(Debug)]
struct Cutting;

impl std::fmt::Display for Cutting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a fault cuts the answer here")
    }
}

impl std::error::Error for Cutting {}
