//! An entry: one request to the vendor's surface and its answer.

use std::time::Duration;

use bytestring::ByteString;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::message::{Message, Query};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule::Rule;
use crate::domain::timestamp;
use crate::world::matching::{Difference, differences};

/// One request to the vendor's surface, as it was answered. Tokens and secrets are never shown, nor does [`Debug`] show them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its place in the journal, counted from one, as the header `X-Yotpo-Mock-Request` tells it.
    pub number: u64,
    /// When it arrived, by the mock's clock.
    pub at: DateTime<Utc>,
    /// What was asked for; `None` where the path or the method is none of the vendor's.
    pub operation: Option<Operation>,
    pub(crate) store: Option<ByteString>,
    pub(crate) method: ByteString,
    pub(crate) path: ByteString,
    pub(crate) query: Query,
    /// What was answered; 0 where a fault left no answer.
    pub status: u16,
    /// The fault that struck it.
    pub fault: Option<u64>,
    /// The rules that refused it.
    pub rules: Vec<&'static Rule>,
    /// What it leaned on.
    pub notes: Vec<Note>,
    /// From the head's arrival to the answer, in real time.
    pub duration: Duration,
    /// What came. The body is not there where nothing is at the path, or where the request was refused before its body was here: it
    /// did not arrive whole, or its client asked first whether to send it.
    pub request: Message,
    /// What went out, less the headers that HTTP itself adds.
    pub response: Message,
}

impl Entry {
    /// The store that was meant; `None` where the request names none. Cut after 512 bytes.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     assert_eq!(entry.store(), Some("shop"));
    /// }
    /// ```
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// The method, as it was sent; cut after 512 bytes.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().upserts().entries() {
    ///     assert_eq!(entry.method(), "PATCH");
    /// }
    /// ```
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as it came, without the query; cut after 512 bytes.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     println!("{}", entry.path());
    /// }
    /// ```
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The parameters of the query, decoded, as an object; a repeated one is an array.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().retrievals().entries() {
    ///     println!("{}", entry.query()["email"]);
    /// }
    /// ```
    pub fn query(&self) -> Value {
        self.query.to_json()
    }

    /// The entry as `GET /_mock/requests` and the journal's file show it.
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
            "notes": self.notes.iter().map(|note| note.id()).collect::<Vec<_>>(),
            "fault": self.fault,
            "duration_us": u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            "request": request,
            "response": self.response.to_json(),
        })
    }

    /// Where it differs from what is expected of a request: an object with any of `store`, `operation`, `method`, `path`,
    /// `status`, `rule`, `note`, `query`, `headers` (in lower case) and `body`; or of `customer`, the one that is written or
    /// searched wherever the operation has it.
    pub(crate) fn differences(&self, expected: &Map<String, Value>) -> Vec<Difference> {
        let mut differing = Vec::new();
        for (name, expected) in expected {
            let (place, found) = match name.as_str() {
                "store" => ("store", json!(self.store())),
                "operation" => ("operation", json!(self.operation.map(Operation::as_str))),
                "method" => ("method", json!(self.method())),
                "path" => ("path", json!(self.path())),
                "status" => ("status", json!(self.status)),
                "rule" => ("rule", one_of(self.rules.iter().map(|rule| rule.id), expected)),
                "note" => ("note", one_of(self.notes.iter().map(|note| note.id()), expected)),
                "query" => ("query", self.query()),
                "headers" => ("headers", self.request.headers()),
                "body" => ("body", self.request.body()),
                "customer" => self.customer(),
                other => (other, Value::Null),
            };
            differing.extend(differences(expected, &found).into_iter().map(|difference| {
                let path = match &*difference.path {
                    "" => place.to_owned(),
                    below => format!("{place}.{below}"),
                };
                Difference { path, ..difference }
            }));
        }
        differing
    }

    /// The customer that is written or searched, and where the request has it.
    fn customer(&self) -> (&'static str, Value) {
        let of = |mut value: Value, key: &str| value.get_mut(key).map(Value::take).unwrap_or_default();
        match self.operation {
            Some(Operation::UpsertCustomer) => ("body.customer", of(self.request.body(), "customer")),
            Some(Operation::UpsertCustomerEvent) => {
                let event = of(self.request.body(), "customer_event");
                ("body.customer_event.customer", of(event, "customer"))
            }
            Some(Operation::RetrieveCustomers) => {
                let mut query = self.query();
                query["external_id"] = of(query.clone(), "external_ids");
                ("query", query)
            }
            _ => ("customer", Value::Null),
        }
    }
}

/// Of several ids the expected one, if it is among them; else all that there are.
fn one_of<'a>(ids: impl Iterator<Item = &'a str>, expected: &Value) -> Value {
    let ids: Vec<_> = ids.collect();
    match ids.as_slice() {
        [] => Value::Null,
        [only] => json!(only),
        ids if ids.iter().any(|id| expected == id) => expected.clone(),
        ids => json!(ids),
    }
}
