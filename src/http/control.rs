//! Our own surface, under `/_mock`. It is not recorded and not limited.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use serde_json::json;

/// The vendor's surface as emulated; a twin of `openapi/customers.yaml`.
const OPENAPI: &str = include_str!("../../openapi/customers.json");

/// `GET /_mock/health`: answers as soon as the emulator does, with the seeds in.
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ready", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /_mock/openapi.json`
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(OPENAPI)
}
