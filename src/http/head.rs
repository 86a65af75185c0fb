//! The head of a request to the vendor's surface, whoever read it.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};

/// What stands before the body of a request.
pub(super) struct Head<'a> {
    pub method: &'a Method,
    /// As it came, without the query.
    pub path: &'a str,
    /// As it came; empty where there is none.
    pub query: &'a str,
    headers: Headers<'a>,
}

#[derive(Clone, Copy)]
enum Headers<'a> {
    /// As actix read them.
    Map(&'a HeaderMap),
    /// As they came, their names in any case; and the lines that they were read from.
    Lines(&'a [httparse::Header<'a>], &'a [u8]),
}

impl<'a> Head<'a> {
    /// The head of a request that actix read.
    pub fn of(request: &'a HttpRequest) -> Head<'a> {
        Head {
            method: request.method(),
            path: request.uri().path(),
            query: request.query_string(),
            headers: Headers::Map(request.headers()),
        }
    }

    /// A head that was read line by line.
    pub fn of_lines(
        method: &'a Method,
        target: &'a str,
        headers: &'a [httparse::Header<'a>],
        lines: &'a [u8],
    ) -> Head<'a> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Head {
            method,
            path,
            query,
            headers: Headers::Lines(headers, lines),
        }
    }

    /// The value of a header; of one that is repeated the first.
    pub fn header(&self, name: &HeaderName) -> Option<&'a [u8]> {
        match self.headers {
            Headers::Map(map) => map.get(name).map(|value| value.as_bytes()),
            Headers::Lines(headers, _) => {
                let mut named = headers
                    .iter()
                    .filter(|header| header.name.eq_ignore_ascii_case(name.as_str()));
                named.next().map(|header| header.value)
            }
        }
    }

    /// All headers, a line each.
    pub fn lines(&self) -> Cow<'a, [u8]> {
        match self.headers {
            Headers::Map(map) => lines(map).into(),
            Headers::Lines(_, lines) => lines.into(),
        }
    }
}

/// Headers, a line each.
pub(super) fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            lines.extend_from_slice(part);
        }
    }
    lines
}
