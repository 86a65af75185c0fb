//! Making the vendor misbehave: `/_mock/faults`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::json;

use super::error::ControlError;
use super::request::ControlRequest;

/// `POST /_mock/faults`: adds a fault; 201 with its id.
pub(super) async fn add(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let memory = request.world.memory();
    let spec = request.any_object().await?;
    let added = memory.faults.add(spec);
    let id = added.map_err(|error| {
        ControlError::bad(
            error,
            "for example {\"match\":{\"operation\":\"upsertCustomer\"},\"times\":2,\"status\":503}",
        )
    })?;
    Ok(HttpResponse::Created().json(memory.faults.get(id).expect("it was just added")))
}

/// `GET /_mock/faults`, `?store=`: all, or those for one store only, with what became of them.
pub(super) async fn list(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    Ok(HttpResponse::Ok().json(json!({ "faults": request.world.memory().faults.list(store.as_deref()) })))
}

/// `DELETE /_mock/faults`, `?store=`
pub(super) async fn clear(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    Ok(HttpResponse::Ok().json(json!({ "removed": request.world.memory().faults.clear(store.as_deref()) })))
}

/// `GET /_mock/faults/{id}`
pub(super) async fn get(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let fault = id_of(&request).and_then(|id| request.world.memory().faults.get(id));
    fault
        .map(|fault| HttpResponse::Ok().json(fault))
        .ok_or_else(|| unknown(&request))
}

/// `DELETE /_mock/faults/{id}`
pub(super) async fn remove(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let removed = id_of(&request).is_some_and(|id| request.world.memory().faults.remove(id));
    removed
        .then(|| HttpResponse::Ok().json(json!({ "removed": 1 })))
        .ok_or_else(|| unknown(&request))
}

fn id_of(request: &ControlRequest) -> Option<u64> {
    request.path("fault_id").parse().ok()
}

fn unknown(request: &ControlRequest) -> ControlError {
    ControlError::new(
        StatusCode::NOT_FOUND,
        format!("there is no fault `{}`", request.path("fault_id")),
        "`GET /_mock/faults` lists those there are",
    )
}
