//! The way in and out of every request to the vendor's surface: `record` is around everything, `admit` at the door.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, EXPECT, HeaderMap,
    HeaderName, HeaderValue, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::body::{Body, read_for_the_journal};
use super::control::access::{Access, is_for_the_vendor};
use super::control::{Complaint, world_of};
use super::error::{Refused, Rules};
use super::exchange::Exchange;
use super::faults::{self, Struck};
use super::outgoing::{Whole, taken_apart, watched};
use super::paths::{Target, segments};
use super::{access_tokens, customer_events, customers, proxy};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rate_limit::Budget;
use crate::domain::rejection::Rejection;
use crate::world::journal::{Entry, Message, Texts};

/// The first segment of the paths that are ours: not recorded, not limited.
const CONTROL: &str = "_mock";

const REQUEST: HeaderName = HeaderName::from_static("x-yotpo-mock-request");
const NOTE: HeaderName = HeaderName::from_static("x-yotpo-mock-note");
const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const TOKEN: HeaderName = HeaderName::from_static("x-yotpo-token");

/// Records every request, and lets pages of the allowed origins read the answers in a browser.
pub(super) async fn enter(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let access = request
        .app_data::<Data<Access>>()
        .expect("every app is told who may use this surface");
    let Some(origin) = access.allowed_origin(request.headers()).map(str::to_owned) else {
        return record(request, next).await;
    };
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_first {
        let wanted = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let mut response = HttpResponse::NoContent().finish();
        let headers = response.headers_mut();
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE"),
        );
        if let Some(wanted) = wanted {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
        request.into_response(response)
    } else {
        record(request, next).await?
    };
    let headers = response.headers_mut();
    let origin = HeaderValue::try_from(origin).expect("it was a header");
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    Ok(response)
}

/// Writes down every request to the vendor's surface and its answer: the entry is opened before anything can refuse, and closed
/// after. A request to our own surface goes on to where it is answered.
async fn record(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    if let Some(refusal) = proxy::refusal(&request) {
        return Ok(request.into_response(refusal));
    }
    let is_control = segments(request.uri().path()).next().as_deref() == Some(CONTROL);
    let is_hidden = is_control && is_for_the_vendor(request.head());
    if is_control && !is_hidden {
        return control(request, next).await;
    }
    let (request, mut payload) = request.into_parts();
    let response = recorded(&request, async |exchange, target| match target {
        _ if is_hidden => refuse(Rejection::UnknownPath),
        Ok(operation) => answer(operation, &request, &mut payload, exchange).await,
        Err(rejection) => refuse(rejection),
    });
    let response = response.await;
    Ok(ServiceResponse::new(request, response))
}

/// Answers a request, and writes down both. A panic further in is answered here, with 500 in the envelope.
async fn recorded(
    request: &HttpRequest,
    answer: impl AsyncFnOnce(&Exchange, Result<Operation, Rejection>) -> HttpResponse,
) -> HttpResponse {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path();
    let world = world_of(request);
    let Some(opened) = world.journal.open() else {
        // The emulator is stopping: whoever asks now finds the connection closed, not an answer that is cut.
        return std::future::pending().await;
    };
    let number = opened.number;
    let target = Target::of(&method, path);
    let exchange = Exchange::new(world.call(), number, target.store);

    let answered = AssertUnwindSafe(answer(&exchange, target.operation))
        .catch_unwind()
        .await;

    let answered = answered.unwrap_or_else(|_| refuse(Rejection::InternalError));
    let (told, budget) = exchange.end();
    let (mut response, body) = taken_apart(answered);
    dress(response.headers_mut(), number, &told.notes, budget);
    // The answer to HEAD has a body until it is written.
    let sent = body.as_ref().ok().filter(|_| method != Method::HEAD);
    let rules = response.extensions_mut().remove::<Rules>();
    let struck = response.extensions_mut().remove::<Struck>();
    let has_answer = struck.as_ref().is_none_or(|struck| struck.is_answered);
    let mut texts = Texts::new();
    let entry = Entry {
        number,
        at: told.visit.as_ref().map_or(exchange.call.now(), |visit| visit.now),
        operation: told.operation,
        store: told.visit.map(|visit| texts.text(&visit.store)),
        method: texts.text(method.as_str()),
        path: texts.text(path),
        query: texts.query(request.query_string()),
        status: if has_answer { response.status().as_u16() } else { 0 },
        fault: struck.map(|struck| struck.fault),
        rules: rules.map(|Rules(rules)| rules).unwrap_or_default(),
        notes: told.notes,
        duration: started.elapsed(),
        request: Message {
            headers: texts.headers(pairs(request.headers())),
            body: told
                .body
                .map(|(arrived, whole_bytes)| opened.keep(&arrived, whole_bytes)),
        },
        response: Message {
            headers: texts.headers(pairs(response.headers())),
            body: sent.map(|sent| match sent {
                Whole::Bytes(body) => opened.keep_whole(body),
                Whole::Page(page) => opened.keep_page(page),
            }),
        },
    };
    log(&entry);
    world.report.count(&entry);
    let under_way = opened.close(entry);
    response.set_body(watched(body, under_way, told.unread))
}

/// Lets a request to our own surface pass if its sender may use it; a panic further in is answered here, too.
async fn control(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let access = request
        .app_data::<Data<Access>>()
        .expect("every app is told who may use this surface")
        .clone();
    let is_health = request.path() == "/_mock/health";
    if let Err(complaint) = access.check(request.head(), is_health) {
        return Ok(request.into_response(HttpResponse::from_error(complaint)));
    }
    let Some(under_way) = world_of(request.request()).journal.let_in() else {
        // As above.
        return std::future::pending().await;
    };
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(answered)) => {
            Ok(answered.map_body(|_, body| watched(body.try_into_bytes().map(Whole::Bytes), under_way, None)))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let error = "the emulator failed while it answered";
            let hint = "this is a bug in it; its message stands on stderr";
            Err(Complaint::new(StatusCode::INTERNAL_SERVER_ERROR, error, hint).into())
        }
    }
}

/// Headers by their names in lower case.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn dress(headers: &mut HeaderMap, number: u64, notes: &[Note], budget: Budget) {
    headers.insert(REQUEST, number.into());
    headers.insert(RATE_LIMIT_LIMIT, budget.limit.into());
    headers.insert(RATE_LIMIT_REMAINING, budget.remaining.into());
    headers.insert(RATE_LIMIT_RESET, budget.reset_seconds.into());
    for note in notes {
        let value = HeaderValue::try_from(format!("{}: {}", note.id(), note.words()));
        headers.append(NOTE, value.expect("the words of notes fit a header"));
    }
}

/// One line per request, with the rules that refused it; never a query, a token, a secret or an e-mail address.
fn log(entry: &Entry) {
    let rules: Vec<_> = entry.rules.iter().map(|rule| rule.id).collect();
    let notes: Vec<_> = entry.notes.iter().map(|note| note.id()).collect();
    tracing::info!(
        target: "yotpo_mock::requests",
        method = entry.method(),
        path = discreet(entry.path()),
        status = entry.status,
        duration_us = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        store = entry.store().map(discreet),
        rules = (!rules.is_empty()).then(|| rules.join(", ")),
        "request"
    );
    tracing::debug!(
        target: "yotpo_mock::requests",
        number = entry.number,
        operation = entry.operation.map(Operation::as_str),
        notes = notes.join(", "),
        "request, in detail"
    );
}

/// Leaves out the segments of a path that may hold an e-mail address or a token, however often they are encoded.
fn discreet(path: &str) -> String {
    let is_private = |segment: &str| {
        let mut decoded = segment.to_owned();
        loop {
            match percent_decode_str(&decoded).decode_utf8_lossy() {
                Cow::Owned(again) if again != decoded => decoded = again,
                _ => break ["@", "ymt_", "access_token="].iter().any(|word| decoded.contains(word)),
            }
        }
    };
    let segments = path
        .split('/')
        .map(|segment| if is_private(segment) { "[redacted]" } else { segment });
    utf8_percent_encode(&segments.collect::<Vec<_>>().join("/"), CONTROLS).to_string()
}

/// Lets a request to an operation in and answers it, or tells why not: is a fault waiting? who is calling? how often?
async fn answer(
    operation: Operation,
    request: &HttpRequest,
    payload: &mut Payload,
    exchange: &Exchange,
) -> HttpResponse {
    exchange.set_operation(operation);
    let Some(met) = faults::meet(operation, request, payload, exchange).await else {
        return admit(operation, request, payload, exchange).await;
    };
    read_for_the_journal(request, payload, exchange).await;
    actix_web::rt::time::sleep(met.effect.delay).await;
    if met.effect.expire_token && operation.needs_token() {
        exchange.visit().expire_token(token_of(request).as_deref());
        return faults::played(request, refuse(Rejection::ExpiredToken), &met);
    }
    if met.effect.replaces_the_answer() && !met.effect.after_commit {
        return faults::answer(request, &met);
    }
    let response = admit(operation, request, payload, exchange).await;
    faults::played(request, response, &met)
}

/// Asks who is calling and how often, and lets in whom nothing speaks against.
///
/// The two operations that give out tokens ask the same themselves, once they have read who is calling.
async fn admit(
    operation: Operation,
    request: &HttpRequest,
    payload: &mut Payload,
    exchange: &Exchange,
) -> HttpResponse {
    if operation.needs_token() {
        let let_in = || {
            let note = exchange.visit().check_token(token_of(request).as_deref())?;
            note.into_iter().for_each(|note| exchange.note(note));
            exchange.count()
        };
        if let Err(rejection) = let_in() {
            // Whoever asked first whether to send it is spared that.
            if !request.headers().contains_key(EXPECT) {
                read_for_the_journal(request, payload, exchange).await;
            }
            return refuse(rejection);
        }
    }
    let mut body = || Body::of(request, payload.take(), exchange);
    let answered = match operation {
        Operation::CreateAccessToken => access_tokens::create(exchange, body()).await,
        Operation::CreateOauthToken => access_tokens::create_oauth(exchange, body()).await,
        Operation::RetrieveCustomers => customers::retrieve(exchange, request),
        Operation::UpsertCustomer => customers::upsert(exchange, body()).await,
        Operation::UpsertCustomerEvent => customer_events::upsert(exchange, request, body()).await,
    };
    answered.unwrap_or_else(HttpResponse::from_error)
}

/// The token as the header has it, else as the query has it; an empty header counts as absent.
fn token_of(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(TOKEN).filter(|value| !value.is_empty());
    header
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .or_else(|| {
            let parameters = form_urlencoded::parse(request.query_string().as_bytes());
            parameters
                .filter(|(name, _)| name == "access_token")
                .last()
                .map(|(_, token)| token.into_owned())
        })
}

fn refuse(rejection: Rejection) -> HttpResponse {
    HttpResponse::from_error(Refused(rejection))
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use super::*;
    use crate::world::World;
    use crate::world::clock::Clock;
    use crate::world::seed::Stores;
    use crate::world::settings::Settings;

    #[test]
    fn what_panics_is_answered_in_the_envelope_and_journalled() {
        actix_web::rt::System::new().block_on(async {
            let world = Data::new(World::new(Settings::default(), Clock::default(), Stores::new()));
            let request = TestRequest::get().uri("/core/v3/stores/shop/customers");
            let request = request.app_data(world.clone()).to_http_request();
            // What an emulator without bugs does not do.
            let response = recorded(&request, async |_, _| panic!("a bug, for the test")).await;
            let header = |name: &str| {
                response
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().expect("ASCII").to_owned())
            };
            assert_eq!(response.status(), 500);
            assert_eq!(header("x-yotpo-mock-rule").as_deref(), Some("server.error"));
            assert_eq!(header("x-yotpo-mock-request").as_deref(), Some("1"));
            let body = to_bytes(response.into_body()).await.expect("a body");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let message = "the emulator failed while it answered; this is a bug in it";
            assert_eq!(body, json!({"errors": [{"message": message}]}));
            let entries = world.journal.entries();
            assert_eq!((entries.len(), entries[0].status), (1, 500));
        });
    }
}
