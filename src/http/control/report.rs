//! What was counted: `/_mock/report`.

use actix_web::HttpResponse;
use serde_json::json;

use super::asked::{Asked, Complaint};

/// `GET /_mock/report`, `?store=`
pub(super) async fn get(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    Ok(HttpResponse::Ok().json(asked.world.report.tally(store.as_deref()).to_json()))
}

/// `DELETE /_mock/report`, `?store=`: begins anew to count. Nothing else does.
pub(super) async fn forget(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    asked.world.report.forget(store.as_deref());
    Ok(HttpResponse::Ok().json(json!({})))
}
