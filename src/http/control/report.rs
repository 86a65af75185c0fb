//! Request counts: `/_mock/report`.

use serde_json::json;

use super::request::ControlRequest;
use super::{ControlResult, ok};

/// `GET /_mock/report`, `?store=`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    ok(request.world.report.report(store.as_deref()).to_json())
}

/// `DELETE /_mock/report`, `?store=`: restarts all counts at zero. A reset does not.
pub(super) async fn clear(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    request.world.report.clear(store.as_deref());
    ok(json!({}))
}
