//! Verification: compares the journal with an expectation.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::journal::{Entry, Journal, MAX_TEXT_BYTES, find_hidden};
use super::matching::Difference;
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule;
use crate::domain::text::{join_quoted, pluralize, truncate};

/// The keys of an expectation.
pub(crate) const KEYS: [&str; 10] =
    ["store", "operation", "method", "path", "status", "rule", "note", "query", "headers", "body"];

/// The number of requests in a [`VerificationFailure`].
const MAX_NEAREST: usize = 5;

/// A value that no request can have, so that the expectation would never match.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is `{value}`; {hint}")]
pub(crate) struct InvalidExpectation {
    /// The key, dotted: `headers.x-yotpo-token`.
    pub name: String,
    /// Its value, truncated.
    pub value: String,
    /// How to correct it.
    pub hint: String,
}

impl InvalidExpectation {
    fn new(name: &str, value: &Value, hint: impl Into<String>) -> InvalidExpectation {
        InvalidExpectation {
            name: name.to_owned(),
            value: value.as_str().map_or_else(|| truncate(value), truncate),
            hint: hint.into(),
        }
    }
}

/// Checks that requests can have the expected values.
///
/// # Errors
///
/// Names the first value that no request can have.
pub(crate) fn check(expected: &Map<String, Value>) -> Result<(), InvalidExpectation> {
    expected.iter().try_for_each(|(name, value)| match name.as_str() {
        "query" | "headers" => check_strings(name, value),
        _ => hint(name, value).map_or(Ok(()), |hint| Err(InvalidExpectation::new(name, value, hint))),
    })?;
    contradiction(expected).map_or(Ok(()), |(name, hint)| {
        Err(InvalidExpectation::new(name, &expected[name], format!("no request has that, since {hint}")))
    })
}

/// The first key that another one excludes, and why.
fn contradiction(expected: &Map<String, Value>) -> Option<(&'static str, String)> {
    let text = |name| expected.get(name).and_then(Value::as_str);
    if let Some(operation) = text("operation").and_then(Operation::from_name) {
        let (methods, path) = (operation.methods(), operation.path());
        if text("method").is_some_and(|method| !operation.accepts(Some(method), None)) {
            return Some(("method", format!("`{}` has {}", operation.as_str(), join_quoted(methods))));
        }
        if text("path").is_some_and(|found| !operation.accepts(None, Some(found))) {
            return Some(("path", format!("`{}` has `{path}`", operation.as_str())));
        }
    }
    let in_path = text("path").and_then(|path| path.strip_prefix("/core/v3/stores/")?.split('/').next());
    let in_path = in_path.map(|store| percent_decode_str(store).decode_utf8_lossy());
    if let (Some(store), Some(in_path)) = (text("store"), in_path)
        && store != in_path
    {
        return Some(("path", format!("`store` is `{store}`")));
    }
    let status = expected.get("status").and_then(Value::as_u64);
    if text("rule").is_some() && status.is_some_and(|status| (100..400).contains(&status)) {
        return Some(("status", "a request that breaks a `rule` gets a status from 400 on".to_owned()));
    }
    None
}

/// Checks that entries of the journal can have the expected values.
///
/// # Errors
///
/// As [`check`], and names the first value that the journal hides.
pub(crate) fn check_recorded(expected: &Map<String, Value>) -> Result<(), InvalidExpectation> {
    check(expected)?;
    expected.iter().try_for_each(|(name, value)| {
        find_hidden(name, value).map_or(Ok(()), |name| {
            let (value, hint) =
                ("[hidden]".to_owned(), "the journal hides its value: use `[redacted]`, or null if it is absent");
            Err(InvalidExpectation { name, value, hint: hint.to_owned() })
        })
    })
}

/// How to correct a value; `None` if it is valid.
fn hint(name: &str, value: &Value) -> Option<String> {
    let is_text = value.as_str().is_some_and(|text| !text.is_empty());
    let unless = |is_valid: bool, hint: &str| (!is_valid).then(|| hint.to_owned());
    match name {
        "store" | "method" | "path" if value.as_str().is_some_and(|text| text.len() > MAX_TEXT_BYTES) => {
            Some(format!("the journal cuts it after {MAX_TEXT_BYTES} bytes, so use a shorter one"))
        }
        "store" => unless(is_text || value.is_null(), "use a store id, or null for requests that name no store"),
        "method" => {
            let is_upper_case = |text: &str| !text.bytes().any(|byte| byte.is_ascii_lowercase());
            let is_valid = is_text && value.as_str().is_some_and(is_upper_case);
            unless(is_valid, "use a method in capitals: methods are case-sensitive")
        }
        "path" => {
            let is_path = |path: &str| path.starts_with('/') && !path.contains(['?', ' ']);
            unless(
                value.as_str().is_some_and(is_path),
                "it must start with `/`, spaces are percent-encoded, and the query belongs in `query`",
            )
        }
        "status" => {
            let is_status = |status| status == 0 || (100..=599).contains(&status);
            unless(
                value.as_u64().is_some_and(is_status),
                "use an integer from 100 to 599, or 0 for requests without a response",
            )
        }
        "operation" => list_unless_known(value, Operation::ALL.iter().map(|operation| operation.as_str())),
        "note" => list_unless_known(value, Note::ALL.iter().map(|note| note.id())),
        // There are too many rules to list.
        "rule" => list_unless_known(value, rule::ALL.iter().map(|rule| rule.id))
            .map(|_| "the header `X-Yotpo-Mock-Rule` of a rejection names its rules".to_owned()),
        _ => None,
    }
}

/// Lists the ids unless the value is one of them or null.
fn list_unless_known(value: &Value, ids: impl Iterator<Item = &'static str>) -> Option<String> {
    let ids: Vec<_> = ids.collect();
    let is_known = value.is_null() || value.as_str().is_some_and(|id| ids.contains(&id));
    (!is_known).then(|| format!("there are {}", join_quoted(&ids)))
}

/// Checks headers or query parameters, whose values are strings.
fn check_strings(name: &str, value: &Value) -> Result<(), InvalidExpectation> {
    let is_valid = |value: &Value| match value {
        Value::Null | Value::String(_) => true,
        Value::Array(values) => values.len() > 1 && values.iter().all(Value::is_string),
        _ => false,
    };
    let Some(values) = value.as_object() else {
        return Err(InvalidExpectation::new(name, value, "use an object with string values"));
    };
    let is_header_name = |name: &str| {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(is_token)
    };
    if let Some(key) = values.keys().find(|key| name == "headers" && !is_header_name(key)) {
        let hint = "no header can have this name";
        return Err(InvalidExpectation::new(&format!("{name}.{key}"), &values[key], hint));
    }
    let hint = "use a string, an array of two or more strings if it is repeated, or null if it is absent";
    values.iter().try_for_each(|(key, value)| match is_valid(value) {
        true => Ok(()),
        false => Err(InvalidExpectation::new(&format!("{name}.{key}"), value, hint)),
    })
}

/// Converts the names of expected headers to lower case, as in the journal.
pub(crate) fn lowercase_headers(expected: &mut Map<String, Value>) {
    if let Some(Value::Object(headers)) = expected.get_mut("headers") {
        let named = std::mem::take(headers).into_iter();
        *headers = named.map(|(name, value)| (name.to_lowercase(), value)).collect();
    }
}

/// The expected number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Exactly(u64),
    AtLeast(u64),
    /// Including both bounds.
    Between(u64, u64),
}

impl Times {
    fn contains(self, count: u64) -> bool {
        match self {
            Times::Exactly(exact) => count == exact,
            Times::AtLeast(min) => count >= min,
            Times::Between(min, max) => (min..=max).contains(&count),
        }
    }

    fn is_exceeded_by(self, count: u64) -> bool {
        match self {
            Times::Exactly(max) | Times::Between(_, max) => count > max,
            Times::AtLeast(_) => false,
        }
    }

    /// A number, or an object with the bounds.
    pub fn to_json(self) -> Value {
        match self {
            Times::Exactly(count) => json!(count),
            Times::AtLeast(min) => json!({ "at_least": min }),
            Times::Between(min, max) => json!({ "at_least": min, "at_most": max }),
        }
    }
}

/// The number with its noun: `1 request`, `at least 2 requests`.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = |count: u64| match count {
            0 => "no request".to_owned(),
            count => pluralize(count, "request"),
        };
        match *self {
            Times::Exactly(count) => f.write_str(&requests(count)),
            Times::AtLeast(min) => write!(f, "at least {}", requests(min)),
            Times::Between(0, max) => write!(f, "at most {}", requests(max)),
            Times::Between(min, max) => write!(f, "{min} to {}", requests(max)),
        }
    }
}

/// Why an expectation is not verified.
#[derive(Debug)]
pub(crate) enum VerificationError {
    /// The number of matching requests is not the expected one.
    Failed(VerificationFailure),
    Incomplete(IncompleteJournal),
}

/// The wrong number of requests matched.
#[derive(Debug)]
pub(crate) struct VerificationFailure {
    pub matched: u64,
    /// If too many matched, the newest of them; otherwise the requests to the expected store with the fewest differences.
    pub nearest: Vec<(Arc<Entry>, Vec<Difference>)>,
}

/// The journal no longer has what decides whether a request matches.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum IncompleteJournal {
    /// Requests up to this number may be missing.
    #[error("the journal has evicted requests up to #{0}, so their number is unknown")]
    Evicted(u64),
    /// The body of this request, which an expectation needs, is there only in part.
    #[error("the body of #{0} was truncated and cannot be compared")]
    TruncatedBody(u64),
}

/// The entries after a number that may match an expectation.
///
/// # Errors
///
/// If only a truncated body could decide whether one of them matches.
pub(crate) fn candidates(
    journal: &Journal,
    expected: &Map<String, Value>,
    after: u64,
) -> Result<Vec<Arc<Entry>>, IncompleteJournal> {
    let mut entries = journal.entries();
    entries.retain(|entry| entry.number > after);
    let mut others = expected.clone();
    let needs_bodies = others.remove("body").is_some() | others.remove("customer").is_some();
    let is_undecided = |entry: &&Arc<Entry>| entry.request.body_is_cut() && entry.differences(&others).is_empty();
    match entries.iter().find(is_undecided).filter(|_| needs_bodies) {
        Some(entry) => Err(IncompleteJournal::TruncatedBody(entry.number)),
        None => Ok(entries),
    }
}

/// Checks that the journal still has every request of the expected store after a number.
///
/// # Errors
///
/// If requests were evicted.
pub(crate) fn check_evictions(
    journal: &Journal,
    expected: &Map<String, Value>,
    after: u64,
) -> Result<(), IncompleteJournal> {
    let evicted = journal.last_evicted(expected.get("store").and_then(Value::as_str));
    if evicted > after { Err(IncompleteJournal::Evicted(evicted)) } else { Ok(()) }
}

/// Counts the requests after a number that match an expectation, and returns their number.
///
/// # Errors
///
/// If it is not the expected number, or if the journal cannot tell.
pub(crate) fn verify(
    journal: &Journal,
    expected: &Map<String, Value>,
    after: u64,
    times: Times,
) -> Result<u64, VerificationError> {
    let entries = candidates(journal, expected, after).map_err(VerificationError::Incomplete)?;
    let mut compared: Vec<_> = entries.into_iter().map(|entry| (entry.differences(expected), entry)).collect();
    let matched = compared.iter().filter(|(differences, _)| differences.is_empty()).count() as u64;
    let is_too_many = times.is_exceeded_by(matched);
    let is_enough = matches!(times, Times::AtLeast(_)) && times.contains(matched);
    // Evicted requests could not change the result then.
    let is_certain = is_too_many || is_enough;
    if !is_certain {
        check_evictions(journal, expected, after).map_err(VerificationError::Incomplete)?;
    }
    if times.contains(matched) {
        return Ok(matched);
    }
    let is_of_store = |entry: &Entry| expected.get("store").is_none_or(|store| *store == json!(entry.store()));
    compared.retain(|(differences, entry)| differences.is_empty() == is_too_many && is_of_store(entry));
    compared.sort_by_key(|(differences, entry)| (differences.len(), Reverse(entry.number)));
    compared.truncate(MAX_NEAREST);
    let nearest = compared.into_iter().map(|(differences, entry)| (entry, differences)).collect();
    Err(VerificationError::Failed(VerificationFailure { matched, nearest }))
}
