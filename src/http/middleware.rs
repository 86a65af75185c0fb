//! The way in and out of every request that actix reads.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, VARY,
};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::FutureExt;

use super::admission::{admit, token_of};
use super::answer::{Answer, Dress, Rules};
use super::body::Body;
use super::control::access::{Access, is_for_yotpo};
use super::control::{ControlError, HEALTH, world_of};
use super::faults::{self, Struck};
use super::head::{Head, lines};
use super::journal_recorder::{JournalRecorder, Sent, never_answered};
use super::outgoing::{Whole, taken_apart, watched};
use super::paths::segments;
use super::proxy::Proxy;
use super::request_context::RequestContext;
use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;

/// The first segment of the paths that are ours: not recorded, not limited.
const CONTROL: &str = "_mock";

/// Whether a path is one of ours.
pub(super) fn is_control(path: &str) -> bool {
    segments(path).next().as_deref() == Some(CONTROL)
}

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
    let proxy = request.app_data::<Data<Proxy>>().expect("every app is given its proxy");
    if let Some(error) = proxy.check(request.method(), request.uri()) {
        let mut refusal = HttpResponse::from_error(error);
        refusal.head_mut().set_connection_type(ConnectionType::Close);
        return Ok(request.into_response(refusal));
    }
    let is_control = is_control(request.uri().path());
    let is_hidden = is_control && is_for_yotpo(request.head());
    if is_control && !is_hidden {
        return control(request, next).await;
    }
    let (request, mut payload) = request.into_parts();
    let response = recorded(&request, async |head, context, operation| match operation {
        _ if is_hidden => refuse(&Rejection::UnknownPath),
        Ok(operation) => answer(operation, &request, head, &mut payload, context).await,
        Err(rejection) => refuse(&rejection),
    });
    let response = response.await;
    Ok(ServiceResponse::new(request, response))
}

/// Answers a request, and writes down both. A panic further in is answered here, with 500 in the envelope.
async fn recorded(
    request: &HttpRequest,
    answer: impl AsyncFnOnce(&Head<'_>, &RequestContext, Result<Operation, Rejection>) -> HttpResponse,
) -> HttpResponse {
    let (head, world) = (Head::of(request), world_of(request));
    let Some((journal_recorder, context, operation)) = JournalRecorder::open(&world, &head) else {
        return never_answered().await;
    };

    let answered = AssertUnwindSafe(answer(&head, &context, operation))
        .catch_unwind()
        .await;

    let answered = answered.unwrap_or_else(|_| refuse(&Rejection::InternalError));
    let (mut told, rate_limit_status) = context.end();
    let (mut response, body) = taken_apart(answered);
    let dress = Dress {
        number: context.number,
        notes: &told.notes,
        rate_limit_status,
    };
    dress.put_on(response.headers_mut());
    // The answer to HEAD has a body until it is written.
    let sent = body.as_ref().ok().filter(|_| head.method != Method::HEAD);
    let rules = response.extensions_mut().remove::<Rules>();
    let struck = response.extensions_mut().remove::<Struck>();
    let has_answer = struck.as_ref().is_none_or(|struck| struck.is_answered);
    let sent = Sent {
        status: if has_answer { response.status().as_u16() } else { 0 },
        headers: &lines(response.headers()),
        body: sent.map(Whole::draft),
        rules: rules.map(|Rules(rules)| rules).unwrap_or_default(),
        fault: struck.map(|struck| struck.fault),
    };
    let unread = told.unread.take();
    let in_flight = journal_recorder.close(&context, told, sent);
    response.set_body(watched(body, in_flight, unread))
}

/// Lets a request to our own surface pass if its sender may use it; a panic further in is answered here, too.
async fn control(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let access = request
        .app_data::<Data<Access>>()
        .expect("every app is told who may use this surface")
        .clone();
    let is_health = request.path() == HEALTH;
    if let Err(complaint) = access.check(request.head(), is_health) {
        return Ok(request.into_response(HttpResponse::from_error(complaint)));
    }
    let Some(in_flight) = world_of(request.request()).journal.begin_request() else {
        return never_answered().await;
    };
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(answered)) => {
            Ok(answered.map_body(|_, body| watched(body.try_into_bytes().map(Whole::Bytes), in_flight, None)))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let error = "the emulator failed while it answered";
            let hint = "this is a bug in it; its message stands on stderr";
            Err(ControlError::new(StatusCode::INTERNAL_SERVER_ERROR, error, hint).into())
        }
    }
}

/// Lets a request to an operation in and answers it, or tells why not: is a fault waiting? who is calling? how often?
async fn answer(
    operation: Operation,
    request: &HttpRequest,
    head: &Head<'_>,
    payload: &mut Payload,
    context: &RequestContext,
) -> HttpResponse {
    let Some(met) = faults::meet(operation, request, payload, context).await else {
        let body = Body::arriving(head, request, payload, context);
        return admit(operation, head, body, context).await.into();
    };
    Body::arriving(head, request, payload, context)
        .show_to_the_journal()
        .await;
    actix_web::rt::time::sleep(met.effect.delay).await;
    if met.effect.expire_token && operation.needs_token() {
        context.store_scope().expire_token(token_of(head).as_deref());
        return faults::played(request, refuse(&Rejection::ExpiredToken), &met);
    }
    if met.effect.replaces_the_answer() && !met.effect.after_commit {
        return faults::answer(request, &met);
    }
    let body = Body::arriving(head, request, payload, context);
    let response = admit(operation, head, body, context).await;
    faults::played(request, response.into(), &met)
}

fn refuse(rejection: &Rejection) -> HttpResponse {
    Answer::refusal(rejection).into()
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
            let response = recorded(&request, async |_, _, _| panic!("a bug, for the test")).await;
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
