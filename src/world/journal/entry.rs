//! An entry of the journal: one request to the emulated API and its response.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::message::{Message, object_from_pairs};
use super::redaction;
use crate::domain::note::RequestNote;
use crate::domain::operation::Operation;
use crate::domain::rule::Rule;
use crate::domain::timestamp;
use crate::world::matching::{Difference, differences};

/// One request to the emulated API and its response. Tokens and secrets are redacted.
#[derive(Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Its number in the journal, counted from one. The response has it in the header `X-Yotpo-Mock-Request`.
    pub number: u64,
    /// When the request arrived, by the emulator's clock.
    pub at: DateTime<Utc>,
    /// The operation, or `None` if no operation has this path and method.
    pub operation: Option<Operation>,
    pub(super) store: Option<Box<str>>,
    pub(super) method: Box<str>,
    pub(super) path: Box<str>,
    pub(super) query: Box<str>,
    /// The status of the response; 0 if a fault prevented it.
    pub status: u16,
    /// The id of the fault that matched the request.
    pub fault: Option<u64>,
    /// The rules that rejected the request.
    pub rules: Vec<&'static Rule>,
    /// The notes that apply to the request.
    pub notes: Vec<RequestNote>,
    /// The real time from the arrival of the head until the response was ready.
    pub duration: Duration,
    /// The request. It has no body if the path is unknown, or if it was rejected before the body arrived.
    pub request: Message,
    /// The response, without the headers that the HTTP transport adds.
    pub response: Message,
}

impl Entry {
    /// The store in the path or the body, cut after 512 bytes.
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// The method, cut after 512 bytes.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path without the query, cut after 512 bytes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded query parameters as an object. The values of a repeated parameter are an array.
    pub fn query(&self) -> Value {
        let pairs = form_urlencoded::parse(self.query.as_bytes()).into_owned();
        object_from_pairs(pairs.map(|(name, value)| {
            let value = redaction::redact_parameter(&name, value);
            (name, value)
        }))
    }

    /// The names of the query parameters, as received.
    pub(crate) fn query_names(&self) -> impl Iterator<Item = &str> {
        let parameters = self.query.split('&').filter(|parameter| !parameter.is_empty());
        parameters.map(|parameter| parameter.split('=').next().unwrap_or_default())
    }

    /// About how much memory the entry needs, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Entry>()
            + self.store.as_ref().map_or(0, |store| store.len())
            + self.method.len()
            + self.path.len()
            + self.query.len()
            + self.notes.iter().flat_map(|note| &note.fields).map(String::len).sum::<usize>()
            + self.request.memory_bytes()
            + self.response.memory_bytes()
    }

    /// The entry as in `GET /_mock/requests` and in the journal file.
    pub(crate) fn to_json(&self) -> Value {
        let mut request = self.request.to_json();
        request["query"] = self.query();
        json!({
            "number": self.number,
            "at": timestamp::rfc3339(self.at),
            "store": self.store(),
            "operation": self.operation.map(Operation::as_str),
            "method": self.method(),
            "path": self.path(),
            "status": self.status,
            "rules": self.rules.iter().map(|rule| rule.id).collect::<Vec<_>>(),
            "notes": self.notes.iter().map(RequestNote::to_json).collect::<Vec<_>>(),
            "fault": self.fault,
            "duration_us": u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            "request": request,
            "response": self.response.to_json(),
        })
    }

    /// The differences from an expectation: an object with any of the [keys](crate::world::verification::KEYS), or with
    /// `customer`, the customer in the request wherever its operation has it.
    pub(crate) fn differences(&self, expected: &Map<String, Value>) -> Vec<Difference> {
        let mut all = Vec::new();
        for (key, expected) in expected {
            let (path, found) = match key.as_str() {
                "store" => ("store", json!(self.store())),
                "operation" => ("operation", json!(self.operation.map(Operation::as_str))),
                "method" => ("method", json!(self.method())),
                "path" => ("path", json!(self.path())),
                "status" => ("status", json!(self.status)),
                "rule" => ("rule", any_of(self.rules.iter().map(|rule| rule.id), expected)),
                "note" => ("note", any_of(self.notes.iter().map(|noted| noted.note.id()), expected)),
                "query" => ("query", self.query()),
                "headers" => ("headers", self.request.headers()),
                "body" => ("body", self.request.body()),
                "customer" => self.customer(),
                other => (other, Value::Null),
            };
            all.extend(differences(expected, &found).into_iter().map(|difference| Difference {
                path: match difference.path.as_str() {
                    "" => path.to_owned(),
                    below => format!("{path}.{below}"),
                },
                ..difference
            }));
        }
        all
    }

    /// The customer in the request, and its path there.
    fn customer(&self) -> (&'static str, Value) {
        let take = |mut value: Value, key: &str| value.get_mut(key).map(Value::take).unwrap_or_default();
        match self.operation {
            Some(Operation::UpsertCustomer) => ("body.customer", take(self.request.body(), "customer")),
            Some(Operation::UpsertCustomerEvent) => {
                let event = take(self.request.body(), "customer_event");
                ("body.customer_event.customer", take(event, "customer"))
            }
            Some(Operation::RetrieveCustomers) => {
                let mut query = self.query();
                query["external_id"] = take(query.clone(), "external_ids");
                ("query", query)
            }
            _ => ("customer", Value::Null),
        }
    }
}

/// The redacted JSON of the entry.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

/// The expected id if it is one of several ids, otherwise all of them.
fn any_of<'a>(ids: impl Iterator<Item = &'a str>, expected: &Value) -> Value {
    let ids: Vec<_> = ids.collect();
    match ids.as_slice() {
        [] => Value::Null,
        [only] => json!(only),
        ids if ids.iter().any(|id| expected == id) => expected.clone(),
        ids => json!(ids),
    }
}
