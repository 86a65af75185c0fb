//! The history of a profile, and a dry run of a write: `/_mock/stores/{store_id}/customers/{number}/lineage` and
//! `/_mock/stores/{store_id}/explain`.

use serde_json::{Value, json};

use super::request::ControlRequest;
use super::stores::unknown_store;
use super::{ControlError, ControlResult, ok};
use crate::domain::customer::Include;
use crate::domain::history::{Change, MatchKind, Step};
use crate::domain::rejection::BrokenRule;
use crate::domain::timestamp::rfc3339;

/// `GET /_mock/stores/{store_id}/customers/{number}/lineage`: the last 32 steps, oldest first.
pub(super) async fn lineage(request: ControlRequest) -> ControlResult {
    request.query([])?;
    let (store, number) = (request.path("store_id"), request.path("number"));
    let found = request.world.with_store(store, |state| {
        let profile = number.parse().ok().and_then(|number| state.customer(number));
        profile.map(|profile| profile.history().steps().iter().map(step_json).collect::<Vec<_>>())
    });
    let steps = found.ok_or_else(|| unknown_store(store))?.ok_or_else(|| {
        ControlError::not_found(
            format!("store `{store}` has no customer with the number `{number}`"),
            format!("`GET /_mock/stores/{store}/customers` lists customers with their numbers, without merged ones"),
        )
    })?;
    ok(json!({ "steps": steps }))
}

fn step_json(step: &Step) -> Value {
    let mut json = json!({
        "request": step.request,
        "at": rfc3339(step.at),
        "fields": step.fields.names().collect::<Vec<_>>(),
        "rule": step.change.rule(),
    });
    match &step.change {
        Change::Written {
            match_kind,
            identifiers,
        } => {
            json["step"] = verb(*match_kind).into();
            if let Some(identifiers) = identifiers {
                json["named"] = json!(identifiers);
            }
        }
        Change::Merged { number, identifiers } => {
            json["step"] = "merged".into();
            json["merged"] = json!({ "number": number, "identifiers": identifiers });
        }
    }
    json
}

fn verb(kind: MatchKind) -> &'static str {
    match kind {
        MatchKind::New => "created",
        MatchKind::ExternalId | MatchKind::WrittenLast => "updated",
        MatchKind::Adopted => "adopted",
    }
}

/// `POST /_mock/stores/{store_id}/explain`: the effect of a write with this body, without writing.
pub(super) async fn explain(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let body = Value::Object(request.object().await?);
    let store = request.world.request_scope().store_scope(request.path("store_id"));
    let explanation = store.explain(&body);
    let notes: Vec<_> = explanation.notes.iter().map(|note| note.to_json()).collect();
    let (outcome, profile) = match explanation.outcome {
        Ok(accepted) => accepted,
        Err(broken_rules) => {
            let broken: Vec<_> = broken_rules.iter().map(BrokenRule::to_json).collect();
            return ok(json!({ "accepted": false, "broken": broken, "notes": notes }));
        }
    };
    let mut customer = Vec::new();
    profile.write_json(Include::EVERYTHING, &mut customer);
    let customer: Value = serde_json::from_slice(&customer).expect("a profile is JSON");
    let merged = outcome
        .merged
        .iter()
        .map(|(number, identifiers)| json!({ "number": number, "identifiers": identifiers }));
    ok(json!({
        "accepted": true,
        "would": verb(outcome.match_kind),
        "rule": outcome.match_kind.rule(),
        "number": outcome.number,
        "merged": merged.collect::<Vec<_>>(),
        "customer": customer,
        "broken": [],
        "notes": notes,
    }))
}
