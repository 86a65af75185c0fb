//! The log of requests. It never has a value of a query or a body, a token, a secret or an e-mail address.

use std::fmt;

use actix_web::http::{Method, StatusCode};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::domain::operation::Operation;
use crate::world::journal::{Entry, redact_path};

/// Logs a request to the emulated API. Lists of ids and names are separated by commas. The target and the names of the lists are
/// also in `cli::log_format`.
pub(super) fn log_request(entry: &Entry) {
    tracing::info!(
        target: "yotpo_mock::requests",
        number = entry.number,
        operation = entry.operation.map(Operation::as_str),
        method = entry.method(),
        path = redact(entry.path()),
        query = join(entry.query_names().map(redact), ","),
        store = entry.store().map(redact),
        status = entry.status,
        duration_us = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        fault = entry.fault,
        rules = join(entry.rules.iter().map(|rule| rule.id), ","),
        reason = join(entry.rules.iter().map(|rule| format!("{}: {}", rule.id, rule.words)), "; "),
        notes = join(entry.notes.iter().map(|noted| noted.note.id()), ","),
        "request"
    );
}

/// Logs a request to the control API that was rejected. Only if its sender may not use the API, the error is logged too: other
/// errors may have values of the body.
pub(super) fn log_rejected_control(method: &Method, path: &str, status: StatusCode, error: &impl fmt::Display) {
    let (path, status) = (redact(path), status.as_u16());
    if matches!(status, 401 | 403) {
        tracing::warn!(%method, path, status, %error, "control request rejected");
    } else {
        tracing::info!(%method, path, status, "control request rejected");
    }
}

/// `None` if there is nothing to join.
fn join<T: AsRef<str>>(texts: impl Iterator<Item = T>, separator: &str) -> Option<String> {
    let mut joined = String::new();
    for text in texts {
        if !joined.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(text.as_ref());
    }
    (!joined.is_empty()).then_some(joined)
}

/// A path or a part of one without tokens, e-mail addresses and control characters.
fn redact(path: &str) -> String {
    utf8_percent_encode(&redact_path(path, &["@"]), CONTROLS).to_string()
}
