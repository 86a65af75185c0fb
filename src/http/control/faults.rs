//! Injected faults: `/_mock/faults`.

use actix_web::HttpResponse;
use serde_json::json;

use super::request::ControlRequest;
use super::{ControlError, ControlResult, add_warnings, match_warnings, ok, ok_for_store};
use crate::world::fault::FaultDefinition;

/// `POST /_mock/faults`: adds a fault; 201 with its id.
pub(super) async fn add(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let memory = request.world.memory();
    let definition = FaultDefinition::from_json(request.object().await?);
    let id = definition.and_then(|definition| memory.faults.add(definition)).map_err(|error| {
        let example = r#"for example {"match":{"operation":"upsertCustomer"},"times":2,"status":503}"#;
        ControlError::bad(error.to_string(), example)
    })?;
    let mut fault = memory.faults.get(id).expect("it was just added");
    let warnings = fault["match"].as_object().map(|expected| match_warnings(&request, expected));
    add_warnings(warnings.into_iter().flatten().chain(memory.faults.hidden_warning(id)), &mut fault);
    Ok(HttpResponse::Created().json(fault))
}

/// `GET /_mock/faults`, `?store=`: the faults that apply to one store only, or all, with their counts.
pub(super) async fn list(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let faults = request.world.memory().faults.list(store.as_deref());
    ok_for_store(&request, store.as_deref(), json!({ "faults": faults }))
}

/// `DELETE /_mock/faults`, `?store=`
pub(super) async fn clear(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let removed = request.world.memory().faults.clear(store.as_deref());
    ok_for_store(&request, store.as_deref(), json!({ "removed": removed }))
}

/// `GET /_mock/faults/{fault_id}`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    request.query([])?;
    let fault = fault_id(&request).and_then(|id| request.world.memory().faults.get(id));
    ok(fault.ok_or_else(|| unknown_fault(&request))?)
}

/// `DELETE /_mock/faults/{fault_id}`
pub(super) async fn remove(request: ControlRequest) -> ControlResult {
    request.query([])?;
    match fault_id(&request).is_some_and(|id| request.world.memory().faults.remove(id)) {
        true => ok(json!({ "removed": 1 })),
        false => Err(unknown_fault(&request)),
    }
}

fn fault_id(request: &ControlRequest) -> Option<u64> {
    request.path("fault_id").parse().ok()
}

fn unknown_fault(request: &ControlRequest) -> ControlError {
    ControlError::not_found(
        format!("there is no fault `{}`", request.path("fault_id")),
        "`GET /_mock/faults` lists all faults",
    )
}
