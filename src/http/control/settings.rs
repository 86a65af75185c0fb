//! The settings: `/_mock/settings`, for all stores or for one.

use actix_web::HttpResponse;
use serde_json::json;

use super::asked::{Asked, Complaint};
use crate::world::World;

/// `GET /_mock/settings`, `?store=`: what holds, and what was changed.
pub(super) async fn get(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    Ok(told(&asked.world, store.as_deref()))
}

/// `PATCH /_mock/settings`, `?store=`: changes what is named; null goes back to the start, or for one store to what holds for
/// all.
pub(super) async fn patch(mut asked: Asked) -> Result<HttpResponse, Complaint> {
    let store = asked.store()?;
    let world = asked.world.clone();
    let patch = asked.any_object().await?;
    let memory = world.memory();
    let changes = memory.changes(store.as_deref()).patched(&patch);
    let changes =
        changes.map_err(|error| Complaint::bad(error, "`GET /_mock/settings` shows all with their values"))?;
    memory.put_changes(store.as_deref(), changes);
    Ok(told(&world, store.as_deref()))
}

fn told(world: &World, store: Option<&str>) -> HttpResponse {
    let memory = world.memory();
    HttpResponse::Ok().json(json!({
        "settings": memory.settings(store).to_json(),
        "changed": memory.changes(store).to_json(),
    }))
}
