//! What was counted: `/_mock/report`.

use actix_web::HttpResponse;
use serde_json::json;

use super::error::ControlError;
use super::request::ControlRequest;

/// `GET /_mock/report`, `?store=`
pub(super) async fn get(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    Ok(HttpResponse::Ok().json(request.world.report.report(store.as_deref()).to_json()))
}

/// `DELETE /_mock/report`, `?store=`: begins anew to count. Nothing else does.
pub(super) async fn clear(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    request.world.report.clear(store.as_deref());
    Ok(HttpResponse::Ok().json(json!({})))
}
