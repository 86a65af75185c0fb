//! Request counts: `/_mock/report`.

use serde_json::json;

use super::request::ControlRequest;
use super::{ControlResult, ok_for_store};

/// `GET /_mock/report`, `?store=`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    let report = request.world.report.report(store.as_deref());
    ok_for_store(&request, store.as_deref(), report.to_json())
}

/// `DELETE /_mock/report`, `?store=`: restarts all counts at zero. A reset does not.
pub(super) async fn clear(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    // Decided first: a store that only requests have named is unknown once its counts are removed.
    let response = ok_for_store(&request, store.as_deref(), json!({}));
    request.world.report.clear(store.as_deref());
    response
}
