//! An entry: one request to the vendor's surface and its answer.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::message::{Message, Query};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule::Rule;

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
    /// The store that was meant; `None` where the request names none.
    pub store: Option<String>,
    pub method: String,
    /// Without the query; cut after 512 bytes.
    pub path: String,
    pub(crate) query: Query,
    pub status: u16,
    /// The rules that refused it.
    pub rules: Vec<&'static Rule>,
    /// What it leaned on.
    pub notes: Vec<Note>,
    /// From the head's arrival to the answer, in real time.
    pub duration: Duration,
    /// What came. The body is not there where it was not read, since the request was refused before.
    pub request: Message,
    /// What went out, less the headers that HTTP itself adds.
    pub response: Message,
}

impl Entry {
    /// The parameters of the query, decoded, as an object; a repeated one is an array.
    pub fn query(&self) -> Value {
        self.query.to_json()
    }

    /// The entry as the journal's file shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut request = self.request.to_json();
        request["query"] = self.query();
        json!({
            "number": self.number,
            "at": self.at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "store": self.store,
            "operation": self.operation.map(Operation::as_str),
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "rules": self.rules.iter().map(|rule| rule.id).collect::<Vec<_>>(),
            "notes": self.notes.iter().map(|note| note.id()).collect::<Vec<_>>(),
            "duration_us": u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            "request": request,
            "response": self.response.to_json(),
        })
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn weight(&self) -> usize {
        let texts = self.method.len() + self.path.len() + self.store.as_ref().map_or(0, String::len);
        size_of::<Entry>() + texts + self.query.weight() + self.request.weight() + self.response.weight()
    }
}
