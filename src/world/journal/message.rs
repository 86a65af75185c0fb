//! Messages: requests and answers as they went over the wire, kept as they came and shown without what is secret.

use std::fmt;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::redaction;
use crate::domain::json;
use crate::domain::page::RenderedPage;

/// The headers and the body of a request or of an answer. Tokens and secrets in them are never shown.
#[derive(Clone)]
pub struct Message {
    pub(crate) headers: Headers,
    /// `None` where there is none, or where it was not read.
    pub(crate) body: Option<Body>,
}

impl Message {
    /// The values of a header joined by commas, by its name in any case.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     println!("{:?}", entry.request.header("User-Agent"));
    /// }
    /// ```
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .pairs()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The headers as an object, by their names in lower case; a repeated one is an array.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     println!("{}", entry.response.headers()["content-type"]);
    /// }
    /// ```
    pub fn headers(&self) -> Value {
        by_name(self.headers.pairs())
    }

    /// The body: JSON as it is, anything else as a text, and null where there is none or where it was not read. What was
    /// [cut](Message::body_is_cut) is the text of its beginning.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     println!("{}", entry.request.body()["customer"]);
    /// }
    /// ```
    pub fn body(&self) -> Value {
        self.body.as_ref().map_or(Value::Null, Body::shown)
    }

    /// How long the whole body is, in bytes.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     println!("{:?} bytes", entry.response.body_bytes());
    /// }
    /// ```
    pub fn body_bytes(&self) -> Option<u64> {
        self.body.as_ref().map(|body| body.whole_bytes)
    }

    /// Whether only the beginning of the body is kept.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for entry in yotpo.requests().entries() {
    ///     assert!(!entry.request.body_is_cut(), "raise `journal_body_bytes`");
    /// }
    /// ```
    pub fn body_is_cut(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_cut)
    }

    /// Adds what there is to tell to an object.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "headers": self.headers(),
            "body": self.body(),
            "body_bytes": self.body_bytes(),
            "body_cut": self.body_is_cut(),
        })
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

/// Headers in the order in which they came: a line each, a name in any case, a colon and the value.
#[derive(Clone)]
pub(crate) struct Headers(pub(super) Bytes);

impl Headers {
    /// Names in lower case and values, fit to be shown.
    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        let lines = self.0.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        lines.filter(|line| !line.is_empty()).map(|line| {
            let line = String::from_utf8_lossy(line);
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let name = name.to_ascii_lowercase();
            let value = redaction::header(&name, value.trim_ascii());
            (name, value)
        })
    }
}

/// The query of a request.
#[derive(Clone)]
pub(crate) struct Query(pub(super) Bytes);

impl Query {
    /// The decoded parameters as an object; a repeated one is an array.
    pub fn to_json(&self) -> Value {
        let pairs = form_urlencoded::parse(&self.0).into_owned();
        by_name(pairs.map(|(name, value)| {
            let value = redaction::parameter(&name, value);
            (name, value)
        }))
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

/// A body, or the beginning of a long one.
#[derive(Clone)]
pub(crate) struct Body {
    kept: Retained,
    /// How much of it is kept.
    kept_bytes: usize,
    whole_bytes: u64,
}

#[derive(Clone)]
enum Retained {
    Bytes(Bytes),
    /// The profiles of a page as they were, shared with the store; their texts are joined when they are read.
    Page(RenderedPage),
}

impl Body {
    /// A body, or as much of it as is kept.
    pub fn of_bytes(kept: Bytes, whole_bytes: u64) -> Body {
        Body {
            kept_bytes: kept.len(),
            kept: Retained::Bytes(kept),
            whole_bytes,
        }
    }

    /// Keeps a page, or the beginning of a long one.
    pub fn keep_page(page: &RenderedPage, most_bytes: usize) -> Body {
        Body {
            kept: Retained::Page(page.prefix(most_bytes)),
            kept_bytes: page.len().min(most_bytes),
            whole_bytes: u64::try_from(page.len()).unwrap_or(u64::MAX),
        }
    }

    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    fn is_cut(&self) -> bool {
        u64::try_from(self.kept_bytes).is_ok_and(|kept| kept < self.whole_bytes)
    }

    fn bytes(&self) -> Bytes {
        match &self.kept {
            Retained::Bytes(bytes) => bytes.clone(),
            Retained::Page(page) => {
                let mut text = page.to_vec();
                text.truncate(self.kept_bytes);
                text.into()
            }
        }
    }

    fn shown(&self) -> Value {
        let kept = self.bytes();
        if !self.is_cut()
            && let Ok(value) = json::parse_value(&kept)
        {
            return redaction::json(value);
        }
        let text = String::from_utf8_lossy(&kept);
        // A character that was cut in two is not shown.
        let text = if self.is_cut() {
            text.trim_end_matches(char::REPLACEMENT_CHARACTER)
        } else {
            &text
        };
        redaction::text(text).into()
    }
}

/// Pairs as an object of texts; a name that stands more than once has an array of them.
fn by_name(pairs: impl Iterator<Item = (String, String)>) -> Value {
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
