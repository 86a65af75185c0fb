//! The headers and the body of a recorded request or response.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::redaction;
use crate::domain::json;

/// The headers and the body of a request or a response. Tokens and secrets are redacted.
#[derive(Clone)]
pub struct Message {
    /// Lines of `name: value`, the names in any case.
    pub(super) headers: Bytes,
    /// `None` if there is no body, or if it was not read.
    pub(super) body: Option<RecordedBody>,
}

/// A body, or its beginning if it is longer than the journal's limit or was not read completely.
#[derive(Clone)]
pub(super) struct RecordedBody {
    pub bytes: Bytes,
    pub total_bytes: u64,
}

impl Message {
    /// The values of a header, joined with commas. The name is case-insensitive.
    pub fn header(&self, name: &str) -> Option<String> {
        let named = self.header_pairs().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let values: Vec<_> = named.map(|(_, value)| value).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The headers as an object with lower-case names. The values of a repeated header are an array.
    pub fn headers(&self) -> Value {
        object_from_pairs(self.header_pairs())
    }

    /// The body as a JSON value, or as a string if it is not JSON or [truncated](Message::body_is_cut). Null if there is no body
    /// or if it was not read.
    pub fn body(&self) -> Value {
        self.body.as_ref().map_or(Value::Null, RecordedBody::to_json)
    }

    /// The length of the whole body, in bytes.
    pub fn body_bytes(&self) -> Option<u64> {
        self.body.as_ref().map(|body| body.total_bytes)
    }

    /// Whether only the beginning of the body is stored.
    /// [`Builder::journal_body_bytes`](crate::Builder::journal_body_bytes) sets the limit.
    pub fn body_is_cut(&self) -> bool {
        self.body.as_ref().is_some_and(RecordedBody::is_cut)
    }

    /// Header names in lower case with their redacted values.
    fn header_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let lines = self.headers.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        lines.filter(|line| !line.is_empty()).map(|line| {
            let line = String::from_utf8_lossy(line);
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let name = name.to_ascii_lowercase();
            let value = redaction::redact_header(&name, value.trim_ascii());
            (name, value)
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.headers.len() + self.body.as_ref().map_or(0, |body| body.bytes.len())
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "headers": self.headers(),
            "body": self.body(),
            "body_bytes": self.body_bytes(),
            "body_cut": self.body_is_cut(),
        })
    }
}

/// The redacted JSON of the message.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

impl RecordedBody {
    fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.total_bytes
    }

    fn to_json(&self) -> Value {
        if !self.is_cut()
            && let Ok(value) = json::parse_value(&self.bytes)
        {
            return redaction::redact_json(value);
        }
        let text = String::from_utf8_lossy(&self.bytes);
        // The limit may have split the last character.
        let text = if self.is_cut() { text.trim_end_matches(char::REPLACEMENT_CHARACTER) } else { &text };
        redaction::redact_text(text).into()
    }
}

/// An object of strings. The values of a repeated name become an array.
pub(crate) fn object_from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
        match object.get_mut(&name) {
            None => {
                object.insert(name, value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    object.into()
}
