//! Reset and settle: `/_mock/reset` and `/_mock/settle`.

use serde::Deserialize;
use serde_json::json;

use super::request::ControlRequest;
use super::{ControlResult, ok_for_store};
use crate::world::ResetTo;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(default)]
    to: ResetTo,
}

/// `POST /_mock/reset`, `?store=`: restores the stores of the start, or with `{"to":"empty"}` empties them.
pub(super) async fn reset(mut request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let Reset { to } = request.json("send `{\"to\":\"seed\"}`, `{\"to\":\"empty\"}` or no body").await?;
    request.world.reset(store.as_deref(), to);
    ok_for_store(&request, store.as_deref(), json!({}))
}

/// `POST /_mock/settle`, `?store=`: makes all accepted writes visible now.
pub(super) async fn settle(mut request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    request.no_body().await?;
    let applied = request.world.settle(store.as_deref());
    ok_for_store(&request, store.as_deref(), json!({ "applied": applied }))
}
