//! Readiness: `/_mock/health`.

use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

/// The path of the health check, the only one that needs no control token.
pub(in crate::http) const HEALTH: &str = "/_mock/health";

/// The time at which the server started.
pub(in crate::http) struct Started(pub Instant);

/// `GET /_mock/health`. The server accepts no connection before the seeds are loaded, so any response means ready.
pub(super) async fn get(started: Data<Started>) -> HttpResponse {
    HttpResponse::Ok().json(health_json(&started))
}

pub(in crate::http) fn health_json(started: &Started) -> Value {
    let uptime_ms = u64::try_from(started.0.elapsed().as_millis()).unwrap_or(u64::MAX);
    json!({ "status": "ready", "version": env!("CARGO_PKG_VERSION"), "uptime_ms": uptime_ms })
}
