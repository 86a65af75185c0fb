//! The settings: `/_mock/settings`, for all stores or for one.

use actix_web::HttpResponse;
use serde_json::json;

use super::error::ControlError;
use super::request::ControlRequest;
use crate::world::World;

/// `GET /_mock/settings`, `?store=`: what holds, and what was changed.
pub(super) async fn get(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    Ok(told(&request.world, store.as_deref()))
}

/// `PATCH /_mock/settings`, `?store=`: changes what is named; null goes back to the start, or for one store to what holds for
/// all.
pub(super) async fn patch(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    let world = request.world.clone();
    let patch = request.any_object().await?;
    let memory = world.memory();
    let changes = memory.overrides(store.as_deref()).patched(&patch);
    let changes = changes
        .map_err(|error| ControlError::bad(error.to_string(), "`GET /_mock/settings` shows all with their values"))?;
    memory.set_overrides(store.as_deref(), changes);
    Ok(told(&world, store.as_deref()))
}

fn told(world: &World, store: Option<&str>) -> HttpResponse {
    let memory = world.memory();
    HttpResponse::Ok().json(json!({
        "settings": memory.settings(store).to_json(),
        "changed": memory.overrides(store).to_json(),
    }))
}
