//! The path of every request to the emulated API: journal, route, fault, access token, rate limit, handler, journal.

use std::borrow::Cow;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, ORIGIN};
use futures_util::FutureExt;

use super::log::log_request;
use super::request::{RequestBody, RequestHead};
use super::request_context::RequestContext;
use super::response::Response;
use super::route::Route;
use super::{ServerState, cors, faults, handlers};
use crate::domain::note::RequestNote;
use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;
use crate::world::journal::{BodyDraft, EntryDraft, InFlight, OpenEntry};

const TOKEN: HeaderName = HeaderName::from_static("x-yotpo-token");

/// Handles a request and records it in the journal. The request is in flight until the caller has sent the response and drops
/// the [`InFlight`]. `None` while the emulator shuts down: then the caller should [stall](stall_forever).
pub(super) async fn respond(
    state: &ServerState,
    head: &RequestHead<'_>,
    body: RequestBody<'_>,
) -> Option<(Response, InFlight)> {
    record(state, head, body, answer).await
}

/// Opens the journal entry, calls `answer` with a guard against panics, adds the headers that every response has, and closes the
/// entry.
async fn record<'a>(
    state: &ServerState,
    head: &'a RequestHead<'a>,
    body: RequestBody<'a>,
    answer: impl AsyncFnOnce(Result<Operation, Rejection>, &mut RequestContext<'a>) -> Response,
) -> Option<(Response, InFlight)> {
    let started = Instant::now();
    let entry = state.world.journal.open()?;
    let Route { store, operation } = Route::find(head.method, head.path);
    let scope = state.world.request_scope();
    let known = operation.as_ref().ok().copied();
    let mut context = RequestContext::new(head, body, scope, entry.number, known, store.as_deref());

    let answered = AssertUnwindSafe(answer(operation, &mut context)).catch_unwind().await;

    let mut response = answered.unwrap_or_else(|_| Response::rejection(&Rejection::InternalError));
    response.add_mock_headers(context.number, context.rate_limit_status(), &context.notes);
    response.add_missing(cors::headers(&state.access, head.header(&ORIGIN)).into_iter().flatten());
    let in_flight = close(entry, context, &response, started);
    Some((response, in_flight))
}

/// Applies the first matching fault, else authorizes the caller and handles the request.
async fn answer(operation: Result<Operation, Rejection>, context: &mut RequestContext<'_>) -> Response {
    let operation = match operation {
        Ok(operation) => operation,
        Err(rejection) => return Response::rejection(&rejection),
    };
    match faults::find(operation, context).await {
        None => authorize_and_handle(operation, context).await,
        Some(fault) => faults::respond(&fault, operation, context).await,
    }
}

/// Checks the access token and the rate limit, then calls the handler.
pub(super) async fn authorize_and_handle(operation: Operation, context: &mut RequestContext<'_>) -> Response {
    if operation.needs_token()
        && let Err(rejection) = authorize(context)
    {
        // For the journal.
        context.peek_body().await;
        return Response::rejection(&rejection);
    }
    handlers::handle(operation, context).await.into()
}

fn authorize(context: &mut RequestContext<'_>) -> Result<(), Rejection> {
    let note = context.store().check_token(access_token(context.head).as_deref())?;
    context.notes.extend(note.map(RequestNote::new));
    context.count()
}

/// The access token of a request. The header has precedence over the query; an empty header counts as absent.
pub(super) fn access_token<'a>(head: &RequestHead<'a>) -> Option<Cow<'a, str>> {
    let header = head.header(&TOKEN).filter(|value| !value.is_empty());
    header.map(String::from_utf8_lossy).or_else(|| {
        let parameters = form_urlencoded::parse(head.query.as_bytes());
        let tokens = parameters.filter(|(name, _)| name == "access_token");
        tokens.last().map(|(_, token)| token)
    })
}

/// Closes the journal entry, logs the request and counts it in the report.
fn close(entry: OpenEntry<'_>, context: RequestContext<'_>, response: &Response, started: Instant) -> InFlight {
    let head = context.head;
    let store = context.known_store();
    let mut response_headers = Vec::with_capacity(512);
    response.write_headers(&mut response_headers);
    let draft = EntryDraft {
        at: store.map_or(context.scope.now(), |store| store.now),
        operation: context.operation,
        store: store.map(|store| store.store.as_str()),
        method: head.method.as_str(),
        path: head.path,
        query: head.query,
        status: if response.is_sent() { response.status.as_u16() } else { 0 },
        fault: response.fault,
        rules: response.rules.clone(),
        notes: context.notes.clone(),
        duration: started.elapsed(),
        request_headers: &head.header_lines(),
        request_body: context.body.read_so_far().map(|(bytes, total_bytes)| BodyDraft { bytes, total_bytes }),
        response_headers: &response_headers,
        // The response to HEAD has no body.
        response_body: (head.method != Method::HEAD && response.is_sent()).then(|| BodyDraft::complete(&response.body)),
    };
    let (entry, in_flight) = entry.close(draft);
    log_request(&entry);
    context.scope.world().report.count(&entry);
    in_flight
}

/// Waits until the emulator has ended, so that a client that calls during a shutdown sees a closed connection instead of half a
/// response.
pub(super) async fn stall_forever<T>() -> T {
    pending().await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use std::time::Duration;

    use super::*;
    use crate::http::control::access::Access;
    use crate::http::proxy::Proxy;
    #[cfg(feature = "tls")]
    use crate::http::tls::{Tls, TlsOptions};
    use crate::world::World;
    use crate::world::clock::Clock;
    use crate::world::seed::Stores;
    use crate::world::settings::Settings;

    fn state() -> ServerState {
        ServerState::new(
            Arc::new(World::new(Settings::default(), Clock::default(), Stores::new())),
            Access::default(),
            Proxy::default(),
            #[cfg(feature = "tls")]
            Arc::new(Tls::new(&TlsOptions::default()).expect("the default options are valid")),
            Duration::from_secs(10),
        )
    }

    #[test]
    fn a_panic_is_answered_with_500_and_recorded() {
        actix_web::rt::System::new().block_on(async {
            let state = state();
            let path = "/core/v3/stores/shop/customers";
            let head = RequestHead::from_raw(&Method::GET, path, &[], b"");
            let body = RequestBody::buffered(Default::default());
            let recorded = record(&state, &head, body, async |_, _| panic!("a bug, for the test")).await;
            let (response, _) = recorded.expect("the emulator is not shutting down");
            let mut headers = Vec::new();
            response.write_headers(&mut headers);
            let headers = String::from_utf8(headers).expect("ASCII");
            assert_eq!(response.status, 500);
            assert!(headers.contains("x-yotpo-mock-rule: server.error\r\n"), "{headers}");
            assert!(headers.contains("x-yotpo-mock-request: 1\r\n"), "{headers}");
            let body: Value = serde_json::from_slice(&response.body).expect("JSON");
            let message = "the emulator failed while it answered; this is a bug in it";
            assert_eq!(body, json!({"errors": [{"message": message}]}));
            let entries = state.world.journal.entries();
            assert_eq!((entries.len(), entries[0].status), (1, 500));
        });
    }
}
