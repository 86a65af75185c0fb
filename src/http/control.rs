//! Our own surface, under `/_mock`: by which a test prepares a store, watches what its integration did, and makes the vendor
//! misbehave. It is not recorded, not limited and not subject to faults.
//!
//! What is wrong with a request is told as `{"error":…,"hint":…}`: what happened, and what to do about it.

pub(crate) mod access;
mod authority;
mod clock;
mod error;
mod faults;
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

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::ContentType;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, Scope, guard};
use serde_json::{Value, json};

use crate::world::World;
pub(super) use error::ControlError;

/// The vendor's surface as emulated; a twin of `openapi/customers.yaml`.
const OPENAPI: &str = include_str!("../../openapi/customers.json");

/// Our own surface; a twin of `openapi/control.yaml`.
const CONTROL_OPENAPI: &str = include_str!("../../openapi/control.json");

/// The path that tells whether the emulator answers.
pub(super) const HEALTH: &str = "/_mock/health";

/// When the emulator began to answer; real time.
pub(super) struct Started(pub Instant);

/// Every path of our own.
pub(super) fn scope() -> Scope {
    web::scope("/_mock")
        .service(resource("/health", [(Method::GET, web::to(health))]))
        .service(resource(
            "/openapi.json",
            [(Method::GET, web::to(|| document(OPENAPI)))],
        ))
        .service(resource(
            "/control.openapi.json",
            [(Method::GET, web::to(|| document(CONTROL_OPENAPI)))],
        ))
        .service(resource("/ca.pem", [(Method::GET, web::to(authority::get))]))
        .service(resource("/reset", [(Method::POST, web::to(reset::reset))]))
        .service(resource(
            "/faults",
            [
                (Method::GET, web::to(faults::list)),
                (Method::POST, web::to(faults::add)),
                (Method::DELETE, web::to(faults::clear)),
            ],
        ))
        .service(resource(
            "/faults/{fault_id}",
            [
                (Method::GET, web::to(faults::get)),
                (Method::DELETE, web::to(faults::remove)),
            ],
        ))
        .service(resource("/settle", [(Method::POST, web::to(reset::settle))]))
        .service(resource(
            "/clock",
            [(Method::GET, web::to(clock::get)), (Method::PUT, web::to(clock::put))],
        ))
        .service(resource("/clock/advance", [(Method::POST, web::to(clock::advance))]))
        .service(resource(
            "/settings",
            [
                (Method::GET, web::to(settings::get)),
                (Method::PATCH, web::to(settings::patch)),
            ],
        ))
        .service(resource(
            "/requests",
            [
                (Method::GET, web::to(requests::list)),
                (Method::DELETE, web::to(requests::clear)),
            ],
        ))
        .service(resource(
            "/requests/verify",
            [(Method::POST, web::to(requests::verify))],
        ))
        .service(resource(
            "/report",
            [
                (Method::GET, web::to(report::get)),
                (Method::DELETE, web::to(report::clear)),
            ],
        ))
        .service(resource(
            "/state",
            [(Method::GET, web::to(state::get)), (Method::PUT, web::to(state::put))],
        ))
        .service(resource("/state/save", [(Method::POST, web::to(state::save))]))
        .service(resource("/seed", [(Method::POST, web::to(seed::add))]))
        .service(resource("/snapshots", [(Method::GET, web::to(snapshots::list))]))
        .service(resource(
            "/snapshots/{name}",
            [
                (Method::GET, web::to(snapshots::get)),
                (Method::PUT, web::to(snapshots::put)),
                (Method::DELETE, web::to(snapshots::delete)),
            ],
        ))
        .service(resource(
            "/snapshots/{name}/restore",
            [(Method::POST, web::to(snapshots::restore))],
        ))
        .service(resource("/stores", [(Method::GET, web::to(stores::list))]))
        .service(resource(
            "/stores/{store_id}/customers",
            [(Method::GET, web::to(stores::customers))],
        ))
        .service(resource(
            "/stores/{store_id}/generate",
            [(Method::POST, web::to(seed::generate))],
        ))
        .service(resource(
            "/stores/{store_id}/events",
            [(Method::GET, web::to(stores::events))],
        ))
        .service(resource(
            "/stores/{store_id}/customers/{number}/lineage",
            [(Method::GET, web::to(profiles::lineage))],
        ))
        .service(resource(
            "/stores/{store_id}/explain",
            [(Method::POST, web::to(profiles::explain))],
        ))
        .default_service(web::to(unknown))
}

/// One path and the methods that it takes; HEAD goes where GET goes.
fn resource<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let takes = |method: &Method| match *method {
        Method::GET => vec![Method::GET, Method::HEAD],
        _ => vec![method.clone()],
    };
    let allowed: Vec<_> = routes
        .iter()
        .flat_map(|(method, _)| takes(method))
        .map(|method| method.to_string())
        .collect();
    let allowed = allowed.join(", ");
    let resource = routes
        .into_iter()
        .fold(web::resource(path.to_owned()), |resource, (method, route)| {
            let methods = takes(&method);
            resource.route(route.guard(guard::fn_guard(move |context| methods.contains(&context.head().method))))
        });
    resource.default_service(web::to(move |request: HttpRequest| {
        let complaint = ControlError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("`{}` does not take {}", request.path(), request.method()),
            format!("it takes {allowed}"),
        );
        let complaint = complaint.with_allow(allowed.clone());
        async move { Err::<HttpResponse, _>(complaint) }
    }))
}

async fn unknown(request: HttpRequest) -> Result<HttpResponse, ControlError> {
    Err(ControlError::new(
        StatusCode::NOT_FOUND,
        format!("`{}` is not a path of the control surface", request.path()),
        "`GET /_mock/control.openapi.json` lists them all",
    ))
}

/// `GET /_mock/health`: answers as soon as the emulator does, with the seeds in.
async fn health(started: Data<Started>) -> HttpResponse {
    HttpResponse::Ok().json(ready(&started))
}

/// What `GET /_mock/health` answers.
pub(super) fn ready(started: &Started) -> Value {
    let uptime_ms = u64::try_from(started.0.elapsed().as_millis()).unwrap_or(u64::MAX);
    json!({ "status": "ready", "version": env!("CARGO_PKG_VERSION"), "uptime_ms": uptime_ms })
}

async fn document(json: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(json)
}

/// The world of an app.
pub(super) fn world_of(request: &HttpRequest) -> Arc<World> {
    let world = request.app_data::<Data<World>>().expect("every app is given its world");
    world.clone().into_inner()
}
