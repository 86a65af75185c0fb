//! The request journal: `/_mock/requests`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::request::{ControlRequest, from_object, parse_limit, parse_number, whole_number};
use super::{ControlError, ControlResult, add_warnings, match_warnings, ok, ok_for_store, unknown_store_warning};
use crate::domain::text::join_quoted;
use crate::world::matching::Difference;
use crate::world::verification::{
    self, IncompleteJournal, InvalidExpectation, Times, VerificationError, VerificationFailure,
};

/// `GET /_mock/requests`: the entries, newest first; filters `store`, `method`, `path`, `operation`, `status`, `rule` and `note`,
/// and the numbers `after` and `before`.
pub(super) async fn list(request: ControlRequest) -> ControlResult {
    let [store, operation, method, path, status, rule, note, ..] = verification::KEYS;
    let [filters @ .., after, before, limit] =
        request.query([store, operation, method, path, status, rule, note, "after", "before", "limit"])?;
    let limit = parse_limit(limit)?;
    let after = parse_number("after", after, 0, 0..=u64::MAX)?;
    let before = parse_number("before", before, u64::MAX, 0..=u64::MAX)?;
    let mut expected = Map::new();
    for (name, filter) in verification::KEYS.into_iter().zip(filters) {
        let Some(text) = filter else { continue };
        let value = match text.parse::<u16>() {
            Ok(number) if name == status => number.into(),
            _ => Value::String(text),
        };
        expected.insert(name.to_owned(), value);
    }
    verification::check_recorded(&expected)?;
    let mut entries = request.world.journal.entries();
    entries.retain(|entry| entry.number > after && entry.number < before && entry.differences(&expected).is_empty());
    // The journal is in the order of the responses.
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
    let total = entries.len();
    let next_before = (total > limit).then(|| entries[limit - 1].number);
    let requests: Vec<_> = entries.iter().take(limit).map(|entry| entry.to_json()).collect();
    let store = expected.get("store").and_then(Value::as_str);
    let warnings = unknown_store_warning(&request, store).into_iter().chain(future_number_warning(&request, after));
    let mut body = json!({ "requests": requests, "total": total, "next_before": next_before });
    add_warnings(warnings, &mut body);
    ok(body)
}

fn future_number_warning(request: &ControlRequest, after: u64) -> Option<String> {
    let last = request.world.journal.last_number();
    (after > last).then(|| format!("`after` is {after}, and the last request has the number {last}"))
}

/// `DELETE /_mock/requests`, `?store=`: removes the entries. Numbers go on, and the report is unchanged.
pub(super) async fn clear(request: ControlRequest) -> ControlResult {
    let store = request.store()?;
    request.world.journal.clear(store.as_deref());
    ok_for_store(&request, store.as_deref(), json!({}))
}

/// The keys beside those of the expectation.
const COUNT_KEYS: [&str; 4] = ["after", "count", "at_least", "at_most"];

const COUNT_HINT: &str = "send `count`, or `at_least`, `at_most` or both of these";

/// The expected number of requests, in the body of `POST /_mock/requests/verify`.
#[derive(Deserialize)]
struct ExpectedCount {
    /// Only requests with a higher number count.
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, { u64::MAX }>")]
    after: Option<u64>,
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, { u64::MAX }>")]
    count: Option<u64>,
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, { u64::MAX }>")]
    at_least: Option<u64>,
    #[serde(default, deserialize_with = "whole_number::<_, _, 0, { u64::MAX }>")]
    at_most: Option<u64>,
}

/// `GET /_mock/requests/{number}`: one entry.
pub(super) async fn get(request: ControlRequest) -> ControlResult {
    request.query([])?;
    let number = request.path("number");
    let found = number.parse().ok().and_then(|number| request.world.journal.entry(number));
    let entry = found.ok_or_else(|| {
        ControlError::not_found(
            format!("there is no request `{number}` in the journal"),
            "`GET /_mock/requests` lists the requests that the journal holds",
        )
    })?;
    ok(entry.to_json())
}

/// `POST /_mock/requests/verify`: 200 if the expected number of requests matches, 409 with the nearest requests and their
/// differences if not, and 410 if the journal no longer has what it needs to know.
pub(super) async fn verify(mut request: ControlRequest) -> ControlResult {
    request.query([])?;
    let mut expected = request.object().await?;
    let count = COUNT_KEYS.into_iter().filter_map(|key| expected.remove_entry(key)).collect();
    let count: ExpectedCount = from_object(count, COUNT_HINT)?;
    let after = count.after.unwrap_or(0);
    let times = times(count)?;
    if let Some(key) = expected.keys().find(|key| !verification::KEYS.contains(&key.as_str())) {
        let keys = [&COUNT_KEYS[..], &verification::KEYS].concat();
        return Err(ControlError::bad(
            format!("unknown field `{key}`"),
            format!("an expectation has {}", join_quoted(&keys)),
        ));
    }
    verification::check_recorded(&expected)?;
    verification::lowercase_headers(&mut expected);
    let mut warnings = match_warnings(&request, &expected);
    warnings.extend(future_number_warning(&request, after));
    match verification::verify(&request.world.journal, &expected, after, times) {
        Ok(matched) => {
            let mut body = json!({ "matched": matched });
            add_warnings(warnings, &mut body);
            ok(body)
        }
        Err(VerificationError::Incomplete(error)) => Err(incomplete(error)),
        Err(VerificationError::Failed(VerificationFailure { matched, nearest })) => {
            let nearest = nearest.iter().map(|(entry, differences)| {
                let differences: Vec<_> = differences.iter().map(difference_json).collect();
                json!({ "number": entry.number, "differences": differences })
            });
            let nearest: Vec<_> = nearest.collect();
            let mut body = json!({ "expected": times.to_json(), "actual": matched, "nearest": nearest });
            add_warnings(warnings, &mut body);
            Ok(HttpResponse::Conflict().json(body))
        }
    }
}

/// The journal cannot answer: 410, so that no client takes it for a verified or a failed expectation.
fn incomplete(error: IncompleteJournal) -> ControlError {
    let hint = match error {
        IncompleteJournal::Evicted(number) => {
            format!(
                "raise `--journal-entries` and `--journal-bytes`, or send `\"after\":{number}` to count only later ones"
            )
        }
        IncompleteJournal::TruncatedBody(_) => "raise `--journal-body-bytes`, or leave out `body`".to_owned(),
    };
    ControlError::new(StatusCode::GONE, error.to_string(), hint)
}

impl From<InvalidExpectation> for ControlError {
    fn from(InvalidExpectation { name, value, hint }: InvalidExpectation) -> ControlError {
        ControlError::bad(format!("`{name}` is `{value}`"), hint)
    }
}

fn difference_json(Difference { path, expected, found }: &Difference) -> Value {
    json!({ "path": path, "expected": expected, "found": found })
}

fn times(expected: ExpectedCount) -> Result<Times, ControlError> {
    match (expected.count, expected.at_least, expected.at_most) {
        (Some(count), None, None) => Ok(Times::Exactly(count)),
        (Some(_), _, _) => Err(ControlError::bad("`count` excludes `at_least` and `at_most`", COUNT_HINT)),
        (None, Some(0), None) => Err(ControlError::bad("every number of requests is `at_least` 0", COUNT_HINT)),
        (None, None, None) => Err(ControlError::bad("the expected number of requests is missing", COUNT_HINT)),
        (None, Some(least), Some(most)) if least > most => Err(ControlError::bad(
            format!("`at_least` is `{least}` and `at_most` is `{most}`"),
            "`at_least` must not be greater than `at_most`",
        )),
        (None, Some(least), None) => Ok(Times::AtLeast(least)),
        (None, least, Some(most)) => Ok(Times::Between(least.unwrap_or(0), most)),
    }
}
