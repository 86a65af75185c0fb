//! Settings, for all stores or for one: `/_mock/settings`.

use serde_json::json;

use super::request::ControlRequest;
use super::{ControlError, ControlResult, ok_for_store};

/// `GET /_mock/settings`, `?store=`: the settings in effect, and the changed ones.
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    current(&request, store.as_deref())
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
    current(&request, store.as_deref())
}

/// The response of each request: the settings of a store, or for all.
fn current(request: &ControlRequest, store: Option<&str>) -> ControlResult {
    let memory = request.world.memory();
    let body = json!({
        "settings": memory.settings(store).to_json(),
        "changed": memory.overrides(store).to_json(),
    });
    ok_for_store(request, store, body)
}
