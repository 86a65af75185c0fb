//! Request counts: `/_mock/report`.

use serde_json::json;

use super::request::ControlRequest;
use super::{ControlError, ControlResult, ok_for_store};
use crate::world::report::ProblemKind;

/// `GET /_mock/report`, `?store=&fail_on=`
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    let [store, fail_on] = request.query(["store", "fail_on"])?;
    let kinds = fail_on.map(|list| parse_problem_kinds(&list)).transpose()?;
    let report = request.world.report.report(store.as_deref());
    let mut json = report.to_json();
    if let Some(kinds) = kinds {
        json["problems"] = json!(report.problems(&kinds));
    }
    ok_for_store(&request, store.as_deref(), json)
}

/// Parses kinds of problems that are separated by commas.
fn parse_problem_kinds(list: &str) -> Result<Vec<ProblemKind>, ControlError> {
    let kinds = list.split(',').map(|kind| {
        kind.parse().map_err(|error| {
            let hint = "`yotpo-mock exec --help` lists the kinds";
            ControlError::bad(format!("`fail_on` has `{kind}`: {error}"), hint)
        })
    });
    kinds.collect()
}

/// `DELETE /_mock/report`, `?store=`: restarts all counts at zero. A reset does not.
pub(super) async fn clear(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    // Decided first: a store that only requests have named is unknown once its counts are removed.
    let response = ok_for_store(&request, store.as_deref(), json!({}));
    request.world.report.clear(store.as_deref());
    response
}
