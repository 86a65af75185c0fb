//! Faults over HTTP: which one a request matches, and what it does to the response.
//!
//! A fault is matched after the route was found and before anything else is checked. With `after_commit` the request is handled
//! first, and then the fault is applied.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::request::parse_query;
use super::request_context::RequestContext;
use super::respond::{access_token, authorize_and_handle};
use super::response::{Delivery, Response};
use crate::domain::json;
use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;
use crate::world::fault::{Effect, MatchedFault, may_have_body};
use crate::world::journal::object_from_pairs;

/// The id of the fault that was applied.
const FAULT: HeaderName = HeaderName::from_static("x-yotpo-mock-fault");

/// The fault that a request matches, if any.
pub(super) async fn find(operation: Operation, context: &mut RequestContext<'_>) -> Option<MatchedFault> {
    let head = context.head;
    let store = context.known_store().map(|store| store.store.as_str());
    let faults = context.scope.faults();
    let inputs = faults.may_match(operation, store, head.method.as_str(), head.path)?;
    let names_store_in_body = operation == Operation::CreateOauthToken;
    let body = if inputs.bodies || names_store_in_body { context.peek_body().await } else { None };
    // A body that is too large or incomplete matches nothing.
    let body = body.map_or(Value::Null, |body| to_json(&body));
    let store = context.known_store().map(|store| store.store.as_str()).or_else(|| body["client_id"].as_str());
    let request = json!({
        "operation": operation.as_str(),
        "store": store,
        "method": head.method.as_str(),
        "path": head.path,
        "query": object_from_pairs(parse_query(head.query).unwrap_or_default()),
        "headers": object_from_pairs(head.headers()),
        "body": body,
    });
    context.scope.faults().match_fault(operation, store, &request)
}

/// The response to a request that matches a fault.
pub(super) async fn respond(fault: &MatchedFault, operation: Operation, context: &mut RequestContext<'_>) -> Response {
    let effect = &fault.effect;
    context.peek_body().await;
    let committed = if effect.after_commit { Some(authorize_and_handle(operation, context).await) } else { None };
    sleep(effect.delay).await;
    let expires = effect.expire_token && operation.needs_token();
    if expires {
        context.store().expire_token(access_token(context.head).as_deref());
    }
    let response = match committed {
        _ if effect.replaces_response() => replacement(fault),
        Some(committed) => committed,
        None if expires => Response::rejection(&Rejection::ExpiredToken),
        None => authorize_and_handle(operation, context).await,
    };
    alter(response, fault)
}

/// The response that a fault defines.
fn replacement(fault: &MatchedFault) -> Response {
    let effect = &fault.effect;
    let status = effect.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.unwrap_or(StatusCode::OK);
    let body = effect.body.clone().unwrap_or_else(|| {
        let message = format!("injected by fault {}", fault.id);
        if status.is_success() { "{}".to_owned() } else { json!({"errors": [{ "message": message }]}).to_string() }
    });
    let mut response = Response::new(status, body);
    if !may_have_body(status.as_u16()) {
        response.body = Bytes::new();
        response.remove(&CONTENT_TYPE);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.set(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Applies a fault's changes to a response.
fn alter(mut response: Response, fault: &MatchedFault) -> Response {
    let Effect { connection, content_type, headers, malformed_json, truncate_bytes, drip_bytes_per_second, .. } =
        &fault.effect;
    response.fault = Some(fault.id);
    if let Some(disconnect) = connection {
        response.delivery = Delivery::Disconnected(*disconnect);
        return response;
    }
    response.set(FAULT, fault.id.into());
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("header names were validated when the fault was added");
        response.set_text(name, value);
    }
    if let Some(content_type) = content_type {
        response.set_text(CONTENT_TYPE, content_type);
    }
    if *malformed_json {
        // Without its last byte no JSON object or array is complete.
        response.body = match response.body.len() {
            0 => Bytes::from_static(b"{"),
            length => response.body.slice(..length - 1),
        };
    }
    if truncate_bytes.is_some() || drip_bytes_per_second.is_some() {
        response.delivery = Delivery::Throttled {
            sent_bytes: truncate_bytes.map_or(response.body.len(), |bytes| bytes.min(response.body.len())),
            bytes_per_second: *drip_bytes_per_second,
        };
    }
    response
}

/// A body as JSON, else as a form, else as text.
fn to_json(body: &[u8]) -> Value {
    match json::parse_value(body) {
        Ok(json) => json,
        Err(_) if body.contains(&b'=') => object_from_pairs(form_urlencoded::parse(body).into_owned()),
        Err(_) => String::from_utf8_lossy(body).into_owned().into(),
    }
}
