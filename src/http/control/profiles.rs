//! The story of a profile, and what a write would come to: `/_mock/stores/{id}/customers/{number}/lineage` and
//! `/_mock/stores/{id}/explain`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::error::ControlError;
use super::request::ControlRequest;
use super::stores::unknown;
use crate::domain::customer::Include;
use crate::domain::history::{Change, MatchKind, Step};
use crate::domain::rejection::Rejection;
use crate::domain::timestamp::rfc3339;

/// `GET /_mock/stores/{id}/customers/{number}/lineage`: the last 32 steps, the first of them first.
pub(super) async fn lineage(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let (store, number) = (request.path("store_id").to_owned(), request.path("number").to_owned());
    let found = request.world.with_store(&store, |state| {
        let profile = number.parse().ok().and_then(|number| state.customer(number));
        profile.map(|profile| profile.steps().iter().map(step_json).collect::<Vec<_>>())
    });
    let steps = found.ok_or_else(|| unknown(&store))?.ok_or_else(|| {
        ControlError::new(
            StatusCode::NOT_FOUND,
            format!("store `{store}` has no customer with the number `{number}`"),
            format!("`GET /_mock/stores/{store}/customers` lists them with their numbers; one that was merged is gone"),
        )
    })?;
    Ok(HttpResponse::Ok().json(json!({ "steps": steps })))
}

fn step_json(step: &Step) -> Value {
    let fields: Vec<_> = step.fields.names().collect();
    let mut json = json!({
        "request": step.request,
        "at": rfc3339(step.at),
        "fields": fields,
        "rule": step.what.rule(),
    });
    match &step.what {
        Change::Written { how, named } => {
            json["step"] = verb(*how).into();
            if let Some(named) = named {
                json["named"] = json!(named);
            }
        }
        Change::Merged { number, identifiers } => {
            json["step"] = "merged".into();
            json["merged"] = json!({ "number": number, "identifiers": identifiers });
        }
    }
    json
}

fn verb(how: MatchKind) -> &'static str {
    match how {
        MatchKind::New => "created",
        MatchKind::ExternalId | MatchKind::WrittenLast => "updated",
        MatchKind::Adopted => "adopted",
    }
}

/// `POST /_mock/stores/{id}/explain` with the body of a write: what it would come to, without writing.
pub(super) async fn explain(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    request.query([])?;
    let (world, store) = (request.world.clone(), request.path("store_id").to_owned());
    let body = Value::Object(request.any_object().await?);
    let explanation = world.request_scope().store_scope(&store).explain(&body);
    let notes: Vec<_> = explanation
        .notes
        .iter()
        .map(|note| json!({ "id": note.id(), "words": note.words() }))
        .collect();
    let explained = match explanation.outcome {
        Ok((outcome, profile)) => {
            let mut customer = Vec::new();
            profile.write_json(Include::EVERYTHING, &mut customer);
            let customer: Value = serde_json::from_slice(&customer).expect("a profile is JSON");
            let merged = outcome
                .merged
                .iter()
                .map(|(number, names)| json!({ "number": number, "identifiers": names }));
            json!({
                "accepted": true,
                "would": verb(outcome.how),
                "rule": outcome.how.rule(),
                "number": outcome.number,
                "merged": merged.collect::<Vec<_>>(),
                "customer": customer,
                "broken": [],
                "notes": notes,
            })
        }
        Err(rejection) => json!({ "accepted": false, "broken": broken(&rejection), "notes": notes }),
    };
    Ok(HttpResponse::Ok().json(explained))
}

/// Every broken rule with what it says and what it rests on.
fn broken(rejection: &Rejection) -> Vec<Value> {
    match rejection {
        Rejection::Invalid(violations) => violations
            .iter()
            .map(|violation| {
                json!({
                    "rule": violation.rule.id,
                    "path": violation.path,
                    "message": violation.to_string(),
                    "evidence": violation.rule.evidence.as_str(),
                })
            })
            .collect(),
        // Reading a write can only break rules.
        _ => Vec::new(),
    }
}
