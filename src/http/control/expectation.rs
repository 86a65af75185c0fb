//! An expectation: what a request is to be, as a test says it.

use serde_json::{Map, Value};

use super::asked::{Complaint, brief, listed};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule;

/// What can be expected of a request.
pub(super) const KEYS: [&str; 10] = [
    "store",
    "operation",
    "method",
    "path",
    "status",
    "rule",
    "note",
    "query",
    "headers",
    "body",
];

/// Reads an object with some of the [`KEYS`]; the names of headers may be in any case.
///
/// # Errors
///
/// As [`check`] does.
pub(super) fn read(mut expected: Map<String, Value>) -> Result<Map<String, Value>, Complaint> {
    check(&expected)?;
    if let Some(Value::Object(headers)) = expected.get_mut("headers") {
        let named = std::mem::take(headers).into_iter();
        *headers = named.map(|(name, value)| (name.to_lowercase(), value)).collect();
    }
    Ok(expected)
}

/// Refuses what no request can be, since it would silently match none.
///
/// # Errors
///
/// Names the first value that is impossible.
pub(super) fn check(expected: &Map<String, Value>) -> Result<(), Complaint> {
    expected.iter().try_for_each(|(name, value)| match name.as_str() {
        "query" | "headers" => check_texts(name, value),
        _ => match hint(name, value) {
            None => Ok(()),
            Some(hint) => {
                let told = value.as_str().map_or_else(|| brief(value), str::to_owned);
                Err(Complaint::bad(format!("`{name}` is `{told}`"), hint))
            }
        },
    })
}

/// What would be right in the place of a value; `None` if it is.
fn hint(name: &str, value: &Value) -> Option<String> {
    let is_text = value.as_str().is_some_and(|text| !text.is_empty());
    let unless = |is_right: bool, hint: &str| (!is_right).then(|| hint.to_owned());
    match name {
        "store" => unless(
            is_text || value.is_null(),
            "it is the id of a store, or null where none is named",
        ),
        "method" | "path" => unless(is_text, "it is a text that is not empty"),
        "status" => {
            let is_status = value.as_u64().is_some_and(|status| (100..=599).contains(&status));
            unless(is_status, "it is a whole number from 100 to 599")
        }
        "operation" => known(value, Operation::ALL.iter().map(|operation| operation.as_str())),
        "note" => known(value, Note::ALL.iter().map(|note| note.id())),
        "rule" => known(value, rule::ALL.iter().map(|rule| rule.id))
            .map(|_| "the header `X-Yotpo-Mock-Rule` of a refusal names its rules".to_owned()),
        _ => None,
    }
}

/// Names all ids, unless a value is one of them or null.
fn known(value: &Value, ids: impl Iterator<Item = &'static str>) -> Option<String> {
    let ids: Vec<_> = ids.collect();
    let is_known = value.is_null() || value.as_str().is_some_and(|id| ids.contains(&id));
    (!is_known).then(|| format!("there are {}", listed(&ids)))
}

/// Refuses what headers and queries cannot be: their values are texts.
fn check_texts(name: &str, value: &Value) -> Result<(), Complaint> {
    let is_possible = |value: &Value| match value {
        Value::Null | Value::String(_) => true,
        Value::Array(values) => values.iter().all(Value::is_string),
        _ => false,
    };
    let Some(values) = value.as_object() else {
        return Err(Complaint::bad(
            format!("`{name}` is `{}`", brief(value)),
            "it is an object of names and texts",
        ));
    };
    match values.iter().find(|(_, value)| !is_possible(value)) {
        None => Ok(()),
        Some((key, value)) => Err(Complaint::bad(
            format!("`{name}.{key}` is `{}`", brief(value)),
            "it is a text, an array of texts where it is repeated, or null where it is absent",
        )),
    }
}
