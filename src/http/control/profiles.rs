//! The history of a profile, and a dry run of a write: `/_mock/stores/{store_id}/customers/{number}/lineage` and
//! `/_mock/stores/{store_id}/explain`.

use serde_json::{Value, json};

use super::request::ControlRequest;
use super::stores::unknown_store;
use super::{ControlError, ControlResult, ok};
use crate::domain::history::{Step, numbered_json};
use crate::domain::rejection::BrokenRule;
use crate::domain::text::percent_encode;

/// `GET /_mock/stores/{store_id}/customers/{number}/lineage`: the last 32 steps, oldest first.
pub(super) async fn lineage(request: ControlRequest) -> ControlResult {
    request.query([])?;
    let (store, number) = (request.path("store_id"), request.path("number"));
    let found = request.world.with_store(&store, |state| {
        let profile = number.parse().ok().and_then(|number| state.customer(number));
        profile.map(|profile| profile.history().steps().iter().map(Step::to_json).collect::<Vec<_>>())
    });
    let steps = found.ok_or_else(|| unknown_store(&store))?.ok_or_else(|| {
        ControlError::not_found(
            format!("store `{store}` has no customer with the number `{number}`"),
            format!(
                "`GET /_mock/stores/{}/customers` lists customers with their numbers, without merged ones",
                percent_encode(&store)
            ),
        )
    })?;
    ok(json!({ "steps": steps }))
}

/// `POST /_mock/stores/{store_id}/explain`: the effect of a write with this body, without writing.
pub(super) async fn explain(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let body = Value::Object(request.object().await?);
    let store = request.world.request_scope().store_scope(&request.path("store_id"));
    let explanation = store.explain(&body);
    let notes = explanation.notes.iter().map(|noted| {
        let mut json = noted.to_json();
        json["message"] = noted.note.words().into();
        json
    });
    let notes: Vec<_> = notes.collect();
    let (outcome, profile) = match explanation.outcome {
        Ok(accepted) => accepted,
        Err(broken_rules) => {
            let broken: Vec<_> = broken_rules.iter().map(BrokenRule::to_json).collect();
            let matches =
                explanation.matches.iter().map(|profile| numbered_json(profile.number(), profile.identifiers()));
            let matches: Vec<_> = matches.collect();
            return ok(json!({ "accepted": false, "matches": matches, "broken": broken, "notes": notes }));
        }
    };
    let merged = outcome.merged.iter().map(|(number, identifiers)| numbered_json(*number, identifiers));
    ok(json!({
        "accepted": true,
        "would": outcome.match_kind.effect(),
        "rule": outcome.match_kind.rule(),
        "number": outcome.number,
        "merged": merged.collect::<Vec<_>>(),
        "customer": profile.to_json(),
        "broken": [],
        "notes": notes,
    }))
}
