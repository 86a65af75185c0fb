//! Settings, for all stores or for one: `/_mock/settings`.

use serde_json::{Value, json};

use super::request::ControlRequest;
use super::{ControlError, ControlResult, ok_for_store};
use crate::world::World;

/// `GET /_mock/settings`, `?store=`: the settings in effect, and the changed ones.
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    ok_for_store(&request.world, store.as_deref(), to_json(&request.world, store.as_deref()))
}

/// `PATCH /_mock/settings`, `?store=`: changes settings. Null restores the value of the start or, for a store, of all stores.
pub(super) async fn patch(mut request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let patch = request.object().await?;
    let memory = request.world.memory();
    let overrides = memory.overrides(store.as_deref()).patched(&patch);
    let overrides = overrides.map_err(|error| {
        ControlError::bad(error.to_string(), "`GET /_mock/settings` shows all settings with their values")
    })?;
    memory.set_overrides(store.as_deref(), overrides);
    ok_for_store(&request.world, store.as_deref(), to_json(&request.world, store.as_deref()))
}

fn to_json(world: &World, store: Option<&str>) -> Value {
    let memory = world.memory();
    json!({
        "settings": memory.settings(store).to_json(),
        "changed": memory.overrides(store).to_json(),
    })
}
