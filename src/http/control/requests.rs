//! What happened: `/_mock/requests`, and whether it did so many times.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::ControlError;
use super::request::{ControlRequest, number};
use crate::world::matching::Difference;
use crate::world::text::truncate;
use crate::world::verification::{self, InvalidExpectation, Times, VerificationFailure};

/// The longest list, and the one that is given where the client does not say.
const MAX_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: u64 = 100;

/// `GET /_mock/requests`: the journal, newest first; filters `store`, `method`, `path`, `operation`, `status`, `rule`, `note`,
/// and the numbers `after` and `before`.
pub(super) async fn list(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let [store, operation, method, path, status, rule, note, ..] = verification::KEYS;
    let asked_for = request.query([
        store, operation, method, path, status, rule, note, "after", "before", "limit",
    ])?;
    let [texts @ .., after, before, limit] = asked_for;
    let limit = number("limit", limit.as_deref(), DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    let limit = usize::try_from(limit).expect("the longest list fits memory");
    let after = number("after", after.as_deref(), 0, 0..=u64::MAX)?;
    let before = number("before", before.as_deref(), u64::MAX, 0..=u64::MAX)?;
    let mut expected = Map::new();
    for (name, text) in verification::KEYS.into_iter().zip(texts) {
        if let Some(text) = text {
            let value = match text.parse::<u16>() {
                Ok(status) if name == "status" => status.into(),
                _ => Value::String(text),
            };
            expected.insert(name.to_owned(), value);
        }
    }
    verification::check(&expected).map_err(complaint)?;
    let mut entries = request.world.journal.entries();
    entries.retain(|entry| entry.number > after && entry.number < before && entry.differences(&expected).is_empty());
    // They stand in the order in which they were answered.
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
    let total = entries.len();
    let next_before = (total > limit).then(|| entries[limit - 1].number);
    let requests: Vec<_> = entries.iter().take(limit).map(|entry| entry.to_json()).collect();
    Ok(HttpResponse::Ok().json(json!({ "requests": requests, "total": total, "next_before": next_before })))
}

/// `DELETE /_mock/requests`, `?store=`: forgets them; numbers go on, and the report stays.
pub(super) async fn clear(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let store = request.store()?;
    request.world.journal.clear(store.as_deref());
    Ok(HttpResponse::Ok().json(json!({})))
}

/// `POST /_mock/requests/verify`: whether so many requests were as expected; if not, those that came nearest and where they
/// differ.
pub(super) async fn verify(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let [] = request.query([])?;
    let world = request.world.clone();
    let mut body = request
        .object(&[&verification::KEYS[..], &["count", "at_least", "at_most"]].concat())
        .await?;
    let times = take_times(&mut body)?;
    verification::check(&body).map_err(complaint)?;
    verification::fold_headers(&mut body);
    match verification::verify(&world.journal.entries(), &body, times) {
        Ok(matched) => Ok(HttpResponse::Ok().json(json!({ "matched": matched }))),
        Err(VerificationFailure { matched, nearest }) => {
            let nearest = nearest.iter().map(|(entry, differences)| {
                let differences: Vec<_> = differences.iter().map(difference).collect();
                json!({ "number": entry.number, "differences": differences })
            });
            let nearest: Vec<_> = nearest.collect();
            let told = json!({ "expected": times.to_json(), "actual": matched, "nearest": nearest });
            Ok(HttpResponse::build(StatusCode::CONFLICT).json(told))
        }
    }
}

fn complaint(impossible: InvalidExpectation) -> ControlError {
    let InvalidExpectation { name, value, hint } = impossible;
    ControlError::bad(format!("`{name}` is `{value}`"), hint)
}

fn difference(difference: &Difference) -> Value {
    let Difference { path, expected, found } = difference;
    json!({ "path": path, "expected": expected, "found": found })
}

/// Takes `count`, or `at_least` and `at_most`, out of a body.
fn take_times(body: &mut Map<String, Value>) -> Result<Times, ControlError> {
    let mut take = |name: &str| match body.remove(name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| {
            ControlError::bad(
                format!("`{name}` is `{}`", truncate(&value)),
                "it is a whole number from 0",
            )
        }),
    };
    let hint = "give `count`, or `at_least`, `at_most` or both of these";
    match (take("count")?, take("at_least")?, take("at_most")?) {
        (Some(count), None, None) => Ok(Times::Exactly(count)),
        (Some(_), _, _) => Err(ControlError::bad("`count` stands beside `at_least` or `at_most`", hint)),
        (None, None, None) => Err(ControlError::bad("it is not said how many requests are expected", hint)),
        (None, Some(least), Some(most)) if least > most => Err(ControlError::bad(
            format!("`at_least` is `{least}` and `at_most` is `{most}`"),
            "no number is both: `at_least` must not be above `at_most`",
        )),
        (None, Some(least), None) => Ok(Times::AtLeast(least)),
        (None, least, Some(most)) => Ok(Times::Between(least.unwrap_or(0), most)),
    }
}
