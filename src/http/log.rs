//! The log of requests. It never has a value of a query or a body, a token, a secret or an e-mail address.

use actix_web::http::{Method, StatusCode};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::domain::operation::Operation;
use crate::world::journal::{Entry, redact_path};

/// Logs a request to the emulated API. Lists of ids and names are separated by commas.
pub(super) fn log_request(entry: &Entry) {
    let ids = |ids: &mut dyn Iterator<Item = String>, separator: &str| {
        let ids: Vec<_> = ids.collect();
        (!ids.is_empty()).then(|| ids.join(separator))
    };
    tracing::info!(
        target: "yotpo_mock::requests",
        number = entry.number,
        operation = entry.operation.map(Operation::as_str),
        method = entry.method(),
        path = redact(entry.path()),
        query = ids(&mut entry.query_names().map(redact), ","),
        store = entry.store().map(redact),
        status = entry.status,
        duration_us = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        fault = entry.fault,
        rules = ids(&mut entry.rules.iter().map(|rule| rule.id.to_owned()), ","),
        reason = ids(&mut entry.rules.iter().map(|rule| format!("{}: {}", rule.id, rule.words)), "; "),
        notes = ids(&mut entry.notes.iter().map(|noted| noted.note.id().to_owned()), ","),
        "request"
    );
}

/// Logs a request to the control API that was rejected. Only if its sender may not use the API, the error is logged too: other
/// errors may have values of the body.
pub(super) fn log_rejected_control(method: &Method, path: &str, status: StatusCode, error: &str) {
    let (path, status) = (redact(path), status.as_u16());
    if matches!(status, 401 | 403) {
        tracing::warn!(%method, path, status, error, "control request rejected");
    } else {
        tracing::info!(%method, path, status, "control request rejected");
    }
}

/// A path or a part of one without tokens, e-mail addresses and control characters.
fn redact(path: &str) -> String {
    utf8_percent_encode(&redact_path(path, &["@"]), CONTROLS).to_string()
}
