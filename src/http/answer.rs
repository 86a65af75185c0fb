//! An answer of the vendor's surface, before it is written: its status, its headers in one place, and its body.

use std::io::Write;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::web::Bytes;
use serde_json::{Value, json};

use super::outgoing::Whole;
use crate::domain::note::Note;
use crate::domain::page::RenderedPage;
use crate::domain::rate_limit::RateLimitStatus;
use crate::domain::rejection::Rejection;
use crate::domain::rule::Rule;

/// What every body is.
pub(super) const JSON: &str = "application/json";

/// Names the rules that refused a request, so that a test need not parse texts.
const RULE: HeaderName = HeaderName::from_static("x-yotpo-mock-rule");
const REQUEST: HeaderName = HeaderName::from_static("x-yotpo-mock-request");
const NOTE: HeaderName = HeaderName::from_static("x-yotpo-mock-note");
const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The rules that refused a request, among the extensions of an answer that actix writes.
pub(super) struct Rules(pub Vec<&'static Rule>);

/// An answer: JSON with a status, and with headers beyond those that every answer has.
pub(super) struct Answer {
    pub status: StatusCode,
    /// Beside the type of the body and what the answer is [dressed](Dress) with.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Whole,
    /// The rules that refused the request.
    pub rules: Vec<&'static Rule>,
}

impl Answer {
    fn ok(body: Whole) -> Answer {
        Answer {
            status: StatusCode::OK,
            headers: Vec::new(),
            body,
            rules: Vec::new(),
        }
    }

    /// 200 with a page.
    pub fn page(page: RenderedPage) -> Answer {
        Answer::ok(Whole::Page(page))
    }

    /// 200 with some JSON.
    pub fn json(body: &Value) -> Answer {
        Answer::ok(Whole::Bytes(body.to_string().into()))
    }

    /// What a write is answered with; nobody reads it.
    pub fn accepted() -> Answer {
        Answer::ok(Whole::Bytes(Bytes::from_static(b"{}")))
    }

    /// A refusal: `{"errors":[{"message":…}]}`, with one entry per broken rule.
    pub fn refusal(rejection: &Rejection) -> Answer {
        let rules = rejection.rules();
        let ids: Vec<_> = rules.iter().map(|rule| rule.id).collect();
        let ids = HeaderValue::try_from(ids.join(", ")).expect("the ids of rules fit a header");
        let mut headers = vec![(RULE, ids)];
        match rejection {
            Rejection::MethodNotAllowed { allowed } => headers.push((ALLOW, HeaderValue::from_static(allowed))),
            Rejection::TooManyRequests { retry_after_seconds } => {
                headers.push((RETRY_AFTER, (*retry_after_seconds).into()));
            }
            _ => {}
        }
        let messages = rejection.messages().into_iter();
        let errors: Vec<_> = messages.map(|message| json!({ "message": message })).collect();
        Answer {
            status: status(rejection),
            headers,
            rules,
            ..Answer::json(&json!({ "errors": errors }))
        }
    }
}

impl From<Result<Answer, Rejection>> for Answer {
    fn from(result: Result<Answer, Rejection>) -> Answer {
        result.unwrap_or_else(|rejection| Answer::refusal(&rejection))
    }
}

/// The answer as actix writes it.
impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> HttpResponse {
        let mut response = answer.body.respond(answer.status);
        response.extensions_mut().insert(Rules(answer.rules));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        for (name, value) in answer.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// What is told with an answer beside what was asked for.
#[derive(Clone, Copy)]
pub(super) struct Dress<'a> {
    /// The request's place in the journal.
    pub number: u64,
    pub notes: &'a [Note],
    pub rate_limit_status: RateLimitStatus,
}

impl Dress<'_> {
    /// Gives each header to `add`.
    fn each(self, mut add: impl FnMut(&HeaderName, std::fmt::Arguments<'_>)) {
        let Dress {
            number,
            notes,
            rate_limit_status,
        } = self;
        add(&REQUEST, format_args!("{number}"));
        add(&RATE_LIMIT_LIMIT, format_args!("{}", rate_limit_status.limit));
        add(&RATE_LIMIT_REMAINING, format_args!("{}", rate_limit_status.remaining));
        add(&RATE_LIMIT_RESET, format_args!("{}", rate_limit_status.reset_seconds));
        for note in notes {
            add(&NOTE, format_args!("{}: {}", note.id(), note.words()));
        }
    }

    /// Puts on an answer that actix writes.
    pub fn put_on(self, headers: &mut HeaderMap) {
        self.each(|name, value| {
            let value = HeaderValue::try_from(value.to_string()).expect("numbers and the words of notes fit a header");
            headers.append(name.clone(), value);
        });
    }

    /// Writes the lines of all headers of an answer but those of HTTP itself.
    pub fn write_with(self, answer: &Answer, out: &mut Vec<u8>) {
        write_line(out, &CONTENT_TYPE, format_args!("{JSON}"));
        for (name, value) in &answer.headers {
            write_line(
                out,
                name,
                format_args!("{}", value.to_str().expect("these headers are ours, in ASCII")),
            );
        }
        self.each(|name, value| write_line(out, name, value));
    }
}

fn write_line(out: &mut Vec<u8>, name: &HeaderName, value: std::fmt::Arguments<'_>) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.write_fmt(value).expect("a Vec takes all writes");
    out.extend_from_slice(b"\r\n");
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
        Rejection::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Rejection::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
        Rejection::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        Rejection::NotEmulated { .. } => StatusCode::NOT_IMPLEMENTED,
    }
}
