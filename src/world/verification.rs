//! An expectation: what a request is to be, as a test says it, and how many such requests there are to be.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::journal::Entry;
use super::matching::Difference;
use super::text::{join_quoted, pluralize, truncate};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule;

/// What can be expected of a request.
pub(crate) const KEYS: [&str; 10] = [
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

/// How many near requests are named where not so many matched as were expected.
const NEAREST: usize = 5;

/// Why no request can be as expected, so that the expectation would silently match none.
#[derive(Debug)]
pub(crate) struct InvalidExpectation {
    /// The key, dotted: `headers.x-yotpo-token`.
    pub name: String,
    /// Its value, as it is quoted.
    pub value: String,
    /// What would be right.
    pub hint: String,
}

/// Looks for what no request can be.
///
/// # Errors
///
/// Names the first value that is impossible.
pub(crate) fn check(expected: &Map<String, Value>) -> Result<(), InvalidExpectation> {
    expected.iter().try_for_each(|(name, value)| match name.as_str() {
        "query" | "headers" => check_texts(name, value),
        _ => match hint(name, value) {
            None => Ok(()),
            Some(hint) => Err(InvalidExpectation {
                name: name.clone(),
                value: value.as_str().map_or_else(|| truncate(value), str::to_owned),
                hint,
            }),
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
        "method" => unless(is_text, "it is a text that is not empty"),
        "path" => {
            let is_path = value
                .as_str()
                .is_some_and(|path| path.starts_with('/') && !path.contains('?'));
            unless(is_path, "it begins with `/` and has no query: that is apart")
        }
        "status" => {
            let is_status = value
                .as_u64()
                .is_some_and(|status| status == 0 || (100..=599).contains(&status));
            unless(
                is_status,
                "it is a whole number from 100 to 599, or 0 where a fault left no answer",
            )
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
    (!is_known).then(|| format!("there are {}", join_quoted(&ids)))
}

/// Refuses what headers and queries cannot be: their values are texts.
fn check_texts(name: &str, value: &Value) -> Result<(), InvalidExpectation> {
    let is_possible = |value: &Value| match value {
        Value::Null | Value::String(_) => true,
        Value::Array(values) => values.iter().all(Value::is_string),
        _ => false,
    };
    let Some(values) = value.as_object() else {
        return Err(InvalidExpectation {
            name: name.to_owned(),
            value: truncate(value),
            hint: "it is an object of names and texts".to_owned(),
        });
    };
    match values.iter().find(|(_, value)| !is_possible(value)) {
        None => Ok(()),
        Some((key, value)) => Err(InvalidExpectation {
            name: format!("{name}.{key}"),
            value: truncate(value),
            hint: "it is a text, an array of texts where it is repeated, or null where it is absent".to_owned(),
        }),
    }
}

/// Puts the names of headers into lower case, as the journal has them.
pub(crate) fn fold_headers(expected: &mut Map<String, Value>) {
    if let Some(Value::Object(headers)) = expected.get_mut("headers") {
        let named = std::mem::take(headers).into_iter();
        *headers = named.map(|(name, value)| (name.to_lowercase(), value)).collect();
    }
}

/// How many requests are to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Exactly(u64),
    AtLeast(u64),
    /// Both bounds are meant.
    Between(u64, u64),
}

impl Times {
    fn contains(self, matched: u64) -> bool {
        match self {
            Times::Exactly(count) => matched == count,
            Times::AtLeast(least) => matched >= least,
            Times::Between(least, most) => (least..=most).contains(&matched),
        }
    }

    fn is_exceeded_by(self, matched: u64) -> bool {
        match self {
            Times::Exactly(most) | Times::Between(_, most) => matched > most,
            Times::AtLeast(_) => false,
        }
    }

    /// A number, or the bounds.
    pub fn to_json(self) -> Value {
        match self {
            Times::Exactly(count) => json!(count),
            Times::AtLeast(least) => json!({ "at_least": least }),
            Times::Between(least, most) => json!({ "at_least": least, "at_most": most }),
        }
    }
}

/// As it follows `expected`: `1 request`, `at least 2 requests`.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = |count: u64| match count {
            0 => "no request".to_owned(),
            count => pluralize(count, "request"),
        };
        match *self {
            Times::Exactly(count) => f.write_str(&requests(count)),
            Times::AtLeast(least) => write!(f, "at least {}", requests(least)),
            Times::Between(0, most) => write!(f, "at most {}", requests(most)),
            Times::Between(least, most) => write!(f, "{least} to {}", requests(most)),
        }
    }
}

/// Other than so many requests matched.
#[derive(Debug)]
pub(crate) struct VerificationFailure {
    pub matched: u64,
    /// Of too many the newest that matched, of too few those that came nearest, with what differs; of the store that is meant.
    pub nearest: Vec<(Arc<Entry>, Vec<Difference>)>,
}

/// Counts the requests that are as expected.
///
/// # Errors
///
/// If they are not so many as there are to be.
pub(crate) fn verify(
    entries: &[Arc<Entry>],
    expected: &Map<String, Value>,
    times: Times,
) -> Result<u64, VerificationFailure> {
    let compare = |entry: &Arc<Entry>| (entry.clone(), entry.differences(expected));
    let mut compared: Vec<_> = entries.iter().map(compare).collect();
    let matched = compared.iter().filter(|(_, differences)| differences.is_empty());
    let matched = u64::try_from(matched.count()).expect("what fits memory can be counted");
    if times.contains(matched) {
        return Ok(matched);
    }
    let too_many = times.is_exceeded_by(matched);
    let is_of_store = |entry: &Entry| expected.get("store").is_none_or(|store| *store == json!(entry.store()));
    compared.retain(|(entry, differences)| differences.is_empty() == too_many && is_of_store(entry));
    compared.sort_by_key(|(entry, differences)| (differences.len(), std::cmp::Reverse(entry.number)));
    compared.truncate(NEAREST);
    Err(VerificationFailure {
        matched,
        nearest: compared,
    })
}
