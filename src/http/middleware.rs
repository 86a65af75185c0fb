//! The way in and out of every request to the vendor's surface: `record` is around everything, `admit` at each door.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use futures_util::FutureExt;
use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::error::{Refused, Rules};
use super::exchange::{self, Exchange};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rate_limit::Budget;
use crate::domain::rejection::Rejection;
use crate::world::World;
use crate::world::journal::Entry;

/// Below this, the surface is ours: not recorded, not limited.
const CONTROL: &str = "/_mock";

const REQUEST: HeaderName = HeaderName::from_static("x-yotpo-mock-request");
const NOTE: HeaderName = HeaderName::from_static("x-yotpo-mock-note");
const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const TOKEN: HeaderName = HeaderName::from_static("x-yotpo-token");

/// Writes down every request and its answer: the entry is opened before anything can refuse, and closed after.
///
/// A panic further in is answered here, with 500 in the envelope.
pub(super) async fn record(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let path = request.uri().path().to_owned();
    if path
        .strip_prefix(CONTROL)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        return next.call(request).await;
    }
    let started = Instant::now();
    let method = request.method().to_string();
    let world = request
        .app_data::<Data<World>>()
        .expect("every app is given its world")
        .clone()
        .into_inner();
    let opened = world.journal.open();
    let number = opened.number;
    let exchange = Exchange::new(world.call(), store_in(&path));
    request.extensions_mut().insert(exchange.clone());

    let answered = if percent_decode_str(&path).decode_utf8().is_err() {
        Ok(Ok(refuse(request, Rejection::UnknownPath)))
    } else {
        AssertUnwindSafe(next.call(request)).catch_unwind().await
    };

    let (told, budget) = exchange.end();
    let close = move |response: &mut HttpResponse| {
        dress(response.headers_mut(), number, &told.notes, budget);
        let rules = response.extensions_mut().remove::<Rules>();
        let entry = Entry {
            number,
            at: exchange.call.now,
            operation: told.operation,
            store: told.store,
            method,
            path,
            status: response.status().as_u16(),
            rules: rules.map(|Rules(rules)| rules).unwrap_or_default(),
            notes: told.notes,
            duration: started.elapsed(),
        };
        log(&entry);
        opened.close(entry);
    };
    match answered {
        Ok(Ok(mut response)) => {
            close(response.response_mut());
            Ok(response)
        }
        Ok(Err(_)) | Err(_) => {
            let mut response = HttpResponse::from_error(Refused(Rejection::InternalError));
            close(&mut response);
            Err(InternalError::from_response("the emulator failed", response).into())
        }
    }
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

/// One line per request; never a query, a token, a secret or an e-mail address.
fn log(entry: &Entry) {
    tracing::info!(
        target: "yotpo_mock::requests",
        method = entry.method,
        path = discreet(&entry.path),
        status = entry.status,
        duration_us = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        store = entry.store.as_deref().map(discreet),
        "request"
    );
    tracing::debug!(
        target: "yotpo_mock::requests",
        number = entry.number,
        operation = entry.operation.map(Operation::as_str),
        rules = ?entry.rules.iter().map(|rule| rule.id).collect::<Vec<_>>(),
        notes = ?entry.notes.iter().map(|note| note.id()).collect::<Vec<_>>(),
        "request, in detail"
    );
}

/// Leaves out the segments of a path that may hold an e-mail address or a token.
fn discreet(path: &str) -> String {
    let is_private = |segment: &str| segment.contains('@') || segment.contains("%40") || segment.contains("ymt_");
    let segments = path
        .split('/')
        .map(|segment| if is_private(segment) { "[redacted]" } else { segment });
    utf8_percent_encode(&segments.collect::<Vec<_>>().join("/"), CONTROLS).to_string()
}

/// The id of the store that a path of the vendor's names; the path is taken as it came.
fn store_in(path: &str) -> Option<String> {
    let mut segments = path.split('/').skip(1);
    let is_vendors = matches!(segments.next(), Some("core" | "messaging"))
        && segments.next() == Some("v3")
        && segments.next() == Some("stores");
    let id = segments.next().filter(|id| is_vendors && !id.is_empty())?;
    percent_decode_str(id).decode_utf8().ok().map(Into::into)
}

/// Lets a request to an operation in, or tells why not: who is calling? how often?
///
/// The two operations that give out tokens ask the same themselves, once they have read who is calling.
pub(super) async fn admit(
    operation: Operation,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let exchange = exchange::of(&request);
    exchange.set_operation(operation);
    if operation.needs_token() {
        let let_in = || {
            let note = exchange
                .call
                .check_token(&exchange.store(), token_of(&request).as_deref())?;
            note.into_iter().for_each(|note| exchange.note(note));
            exchange.count()
        };
        if let Err(rejection) = let_in() {
            return Ok(refuse(request, rejection));
        }
    }
    next.call(request).await
}

/// The token as the header has it, else as the query has it; an empty header counts as absent.
fn token_of(request: &ServiceRequest) -> Option<String> {
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

fn refuse(request: ServiceRequest, rejection: Rejection) -> ServiceResponse {
    request.into_response(HttpResponse::from_error(Refused(rejection)))
}
