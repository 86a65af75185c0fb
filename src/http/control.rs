//! The control API, under `/_mock`: a test uses it to prepare a store, to inspect requests and to inject faults. Its requests are
//! not in the journal, and neither rate limits nor faults apply to them.
//!
//! Errors are `{"error":…,"hint":…}`: what went wrong, and what to do about it.

pub(crate) mod access;
mod ca;
mod clock;
mod error;
mod faults;
mod health;
mod profiles;
mod report;
mod request;
mod requests;
mod reset;
mod seed;
mod settings;
mod snapshots;
mod state;
mod stores;

use actix_web::http::header::{
    CROSS_ORIGIN_RESOURCE_POLICY, ContentType, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, Scope, guard, web};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::world::match_warnings;
pub(super) use request::BodyPause;
use request::ControlRequest;

pub(super) use error::ControlError;
pub(super) use health::{HEALTH, Started, health_json};

/// The emulated API, converted from `openapi/customers.yaml`.
const OPENAPI: &str = include_str!("../../openapi/customers.json");

/// The control API, converted from `openapi/control.yaml`.
const CONTROL_OPENAPI: &str = include_str!("../../openapi/control.json");

/// The headers of every response: browsers neither guess its type nor show it to other sites, unless `--cors` allows the page.
pub(super) fn own_site_headers(is_cross_origin: bool) -> [(HeaderName, HeaderValue); 2] {
    let policy = if is_cross_origin { "cross-origin" } else { "same-origin" };
    [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static(policy)),
    ]
}

type ControlResult = Result<HttpResponse, ControlError>;

/// Adds resources to a scope: each path with its methods and their handlers.
macro_rules! resources {
    ($scope:expr; $($path:literal => $($method:ident $handler:expr),+;)+) => {
        $scope$(.service(resource($path, [$((Method::$method, web::to($handler))),+])))+
    };
}

/// All paths of the control API.
pub(super) fn scope() -> Scope {
    let scope = resources! { web::scope("/_mock");
        "/health" => GET health::get;
        "/openapi.json" => GET || document(OPENAPI);
        "/control.openapi.json" => GET || document(CONTROL_OPENAPI);
        "/ca.pem" => GET ca::get;
        "/reset" => POST reset::reset;
        "/settle" => POST reset::settle;
        "/clock" => GET clock::get, PUT clock::put;
        "/clock/advance" => POST clock::advance;
        "/settings" => GET settings::get, PATCH settings::patch;
        "/faults" => GET faults::list, POST faults::add, DELETE faults::clear;
        "/faults/{fault_id}" => GET faults::get, DELETE faults::remove;
        "/requests" => GET requests::list, DELETE requests::clear;
        "/requests/verify" => POST requests::verify;
        "/requests/{number}" => GET requests::get;
        "/report" => GET report::get, DELETE report::clear;
        "/state" => GET state::get, PUT state::put;
        "/state/save" => POST state::save;
        "/seed" => POST seed::add;
        "/snapshots" => GET snapshots::list;
        "/snapshots/{name}" => GET snapshots::get, PUT snapshots::put, DELETE snapshots::delete;
        "/snapshots/{name}/restore" => POST snapshots::restore;
        "/stores" => GET stores::list;
        "/stores/{store_id}/customers" => GET stores::customers;
        "/stores/{store_id}/customers/{number}/lineage" => GET profiles::lineage;
        "/stores/{store_id}/events" => GET stores::events;
        "/stores/{store_id}/explain" => POST profiles::explain;
        "/stores/{store_id}/generate" => POST seed::generate;
    };
    scope.default_service(web::to(unknown_path))
}

/// One path with its methods. HEAD is handled as GET; other methods get 405.
fn resource<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let mut allowed = Vec::new();
    let mut resource = web::resource(path);
    for (method, route) in routes {
        allowed.push(method.to_string());
        if method == Method::GET {
            allowed.push(Method::HEAD.to_string());
        }
        resource = resource.route(route.guard(guard::fn_guard(move |context| {
            let requested = &context.head().method;
            *requested == method || *requested == Method::HEAD && method == Method::GET
        })));
    }
    let allowed = allowed.join(", ");
    resource.default_service(web::to(move |request: HttpRequest| {
        let error = ControlError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("`{}` does not support {}", request.path(), request.method()),
            format!("it supports {allowed}"),
        );
        let error = error.with_allow(allowed.clone());
        async move { Err::<HttpResponse, _>(error) }
    }))
}

async fn unknown_path(request: HttpRequest) -> ControlResult {
    Err(ControlError::not_found(
        format!("`{}` is not a path of the control API", request.path()),
        "`GET /_mock/control.openapi.json` lists all paths",
    ))
}

async fn document(json: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(json)
}

fn ok(body: impl Serialize) -> ControlResult {
    Ok(HttpResponse::Ok().json(body))
}

/// A 200 for a request about one store or all, with a `warning` if the one store does not exist.
fn ok_for_store(request: &ControlRequest, store: Option<&str>, mut body: Value) -> ControlResult {
    add_warnings(unknown_store_warning(request, store), &mut body);
    ok(body)
}

fn unknown_store_warning(request: &ControlRequest, store: Option<&str>) -> Option<String> {
    store.and_then(|store| request.world.unknown_store_warning(store))
}

/// Warnings about what a fault or an expectation matches.
fn match_warnings(request: &ControlRequest, expected: &Map<String, Value>) -> Vec<String> {
    let unknown_store = unknown_store_warning(request, expected.get("store").and_then(Value::as_str));
    unknown_store.into_iter().chain(match_warnings::match_warnings(expected)).collect()
}

/// Adds the warnings, if there are any, as one text.
fn add_warnings(warnings: impl IntoIterator<Item = String>, body: &mut Value) {
    let warnings: Vec<_> = warnings.into_iter().collect();
    if !warnings.is_empty() {
        body["warning"] = warnings.join("; ").into();
    }
}

/// Runs slow work on another thread, so that other requests do not wait for it.
///
/// # Errors
///
/// If the work panics, or the emulator is stopping.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ControlError> {
    web::block(work).await.map_err(|_| {
        ControlError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the request failed, or the emulator is stopping",
            "see the emulator's log",
        )
    })
}
