//! A response before a transport encodes it, and the headers that every response carries.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::domain::note::RequestNote;
use crate::domain::rate_limit::RateLimitStatus;
use crate::domain::rejection::Rejection;
use crate::domain::rule::Rule;
use crate::world::fault::Disconnect;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The ids of the rules that rejected the request.
const RULE: HeaderName = HeaderName::from_static("x-yotpo-mock-rule");
/// The number of the request in the journal.
const REQUEST: HeaderName = HeaderName::from_static("x-yotpo-mock-request");
const NOTE: HeaderName = HeaderName::from_static("x-yotpo-mock-note");
const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A response of the emulated API. A fault may change all of it.
#[derive(Debug)]
pub(super) struct Response {
    pub status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
    pub delivery: Delivery,
    /// The rules that rejected the request.
    pub rules: Vec<&'static Rule>,
    /// The fault that was applied.
    pub fault: Option<u64>,
}

/// How a response is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Normal,
    /// Sends the first bytes of the body, at most `bytes_per_second` if given; if that is not the whole body, closes the
    /// connection then.
    Throttled {
        sent_bytes: usize,
        bytes_per_second: Option<u32>,
    },
    /// Sends nothing and ends the connection.
    Disconnected(Disconnect),
}

impl Response {
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Response {
        Response {
            status,
            headers: vec![(CONTENT_TYPE, JSON)],
            body: body.into(),
            delivery: Delivery::Normal,
            rules: Vec::new(),
            fault: None,
        }
    }

    /// 200 with a JSON value.
    pub fn json(body: &Value) -> Response {
        Response::new(StatusCode::OK, body.to_string())
    }

    /// 200 with `{}`, the response to a write.
    pub fn accepted() -> Response {
        Response::new(StatusCode::OK, Bytes::from_static(b"{}"))
    }

    /// `{"errors":[{"message":…}]}`, with one entry per broken rule.
    pub fn rejection(rejection: &Rejection) -> Response {
        let messages = rejection.messages().into_iter();
        let errors: Vec<_> = messages.map(|message| json!({ "message": message })).collect();
        let mut response = Response::new(status(rejection), json!({ "errors": errors }).to_string());
        response.rules = rejection.rules();
        let ids: Vec<_> = response.rules.iter().map(|rule| rule.id).collect();
        response.set_text(RULE, &ids.join(", "));
        match rejection {
            Rejection::MethodNotAllowed { allowed, .. } => response.set_text(ALLOW, allowed),
            Rejection::TooManyRequests { retry_after_seconds } => {
                response.set(RETRY_AFTER, (*retry_after_seconds).into());
            }
            _ => {}
        }
        response
    }

    /// Whether the client receives anything.
    pub fn is_sent(&self) -> bool {
        !matches!(self.delivery, Delivery::Disconnected(_))
    }

    /// Sets a header, replacing earlier values.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.headers.push((name, value));
    }

    pub fn remove(&mut self, name: &HeaderName) {
        self.headers.retain(|(other, _)| other != name);
    }

    /// As [`set`](Self::set).
    ///
    /// # Panics
    ///
    /// If the text does not fit a header: callers pass ASCII of their own, or what was validated.
    pub fn set_text(&mut self, name: HeaderName, text: &str) {
        self.set(name, HeaderValue::from_str(text).expect("the text fits a header"));
    }

    /// Adds headers, except those that the response has already: a fault's values have precedence.
    pub fn add_missing(&mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) {
        for (name, value) in headers {
            if !self.has(&name) {
                self.headers.push((name, value));
            }
        }
    }

    /// Whether the response has a header.
    pub fn has(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(other, _)| other == name)
    }

    /// Adds the headers that every response has.
    pub fn add_mock_headers(&mut self, number: u64, rate_limit: RateLimitStatus, notes: &[RequestNote]) {
        self.add_missing([
            (REQUEST, number.into()),
            (RATE_LIMIT_LIMIT, rate_limit.limit.into()),
            (RATE_LIMIT_REMAINING, rate_limit.remaining.into()),
            (RATE_LIMIT_RESET, rate_limit.reset_seconds.into()),
        ]);
        if self.has(&NOTE) {
            return;
        }
        for RequestNote { note, .. } in notes {
            let text = format!("{}: {}", note.id(), note.words());
            let value = HeaderValue::try_from(text).expect("the words of notes fit a header");
            self.headers.push((NOTE, value));
        }
    }

    /// All headers but those that the transport adds: `Content-Length`, `Date` and `Connection`.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Appends all [headers](Self::headers) as lines, each ending in CRLF.
    pub fn write_headers(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
    }
}

impl From<Result<Response, Rejection>> for Response {
    fn from(result: Result<Response, Rejection>) -> Response {
        result.unwrap_or_else(|rejection| Response::rejection(&rejection))
    }
}

/// The status of each rejection.
///
/// Source: contract, "Errors", "Tokens" and "Rate limit" (401 and 429 are documented, the others assumed).
fn status(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::Invalid(_)
        | Rejection::MalformedJson { .. }
        | Rejection::EmptyBody
        | Rejection::NestedTooDeep
        | Rejection::QueryNotUtf8
        | Rejection::FormNotUtf8
        | Rejection::NoResults => StatusCode::BAD_REQUEST,
        Rejection::WrongSecret
        | Rejection::MissingToken
        | Rejection::UnknownToken
        | Rejection::ExpiredToken
        | Rejection::TokenOfAnotherStore => StatusCode::UNAUTHORIZED,
        Rejection::UnknownPath | Rejection::UnknownStore => StatusCode::NOT_FOUND,
        Rejection::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Rejection::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        Rejection::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Rejection::UnsupportedMediaType { .. } | Rejection::UnsupportedEncoding { .. } => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        Rejection::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
        Rejection::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        Rejection::NotEmulated { .. } => StatusCode::NOT_IMPLEMENTED,
    }
}
