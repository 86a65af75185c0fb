//! A draft: the parts of a request and its response, borrowed until the journal copies them.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Entry;
use super::message::{Message, RecordedBody};
use super::redaction::redact_path;
use crate::domain::note::RequestNote;
use crate::domain::operation::Operation;
use crate::domain::rule::Rule;

/// The maximum length of a stored method, path or store id, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 512;

/// A request and its response, for [`OpenEntry::close`](super::OpenEntry::close).
#[derive(Default)]
pub(crate) struct EntryDraft<'a> {
    pub at: DateTime<Utc>,
    pub operation: Option<Operation>,
    pub store: Option<&'a str>,
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    /// 0 if a fault prevented the response.
    pub status: u16,
    pub fault: Option<u64>,
    pub rules: Vec<&'static Rule>,
    pub notes: Vec<RequestNote>,
    pub duration: Duration,
    /// Lines of `name: value`, the names in any case.
    pub request_headers: &'a [u8],
    pub request_body: Option<BodyDraft<'a>>,
    /// As `request_headers`.
    pub response_headers: &'a [u8],
    pub response_body: Option<BodyDraft<'a>>,
}

/// A body in a draft.
#[derive(Clone, Copy)]
pub(crate) struct BodyDraft<'a> {
    /// What was read of it.
    pub bytes: &'a [u8],
    /// The length of the whole body.
    pub total_bytes: u64,
}

impl<'a> BodyDraft<'a> {
    /// A body that was read to its end.
    pub fn complete(bytes: &'a [u8]) -> BodyDraft<'a> {
        BodyDraft { bytes, total_bytes: bytes.len() as u64 }
    }

    fn copy(self, max_bytes: usize) -> RecordedBody {
        RecordedBody {
            bytes: Bytes::copy_from_slice(&self.bytes[..self.bytes.len().min(max_bytes)]),
            total_bytes: self.total_bytes,
        }
    }
}

impl EntryDraft<'_> {
    pub(super) fn into_entry(self, number: u64, max_body_bytes: usize) -> Entry {
        let message = |headers: &[u8], body: Option<BodyDraft<'_>>| Message {
            headers: Bytes::copy_from_slice(headers),
            body: body.map(|body| body.copy(max_body_bytes)),
        };
        Entry {
            number,
            at: self.at,
            operation: self.operation,
            store: self.store.map(|store| limit_text(&redact_path(store, &[])).into()),
            method: limit_text(self.method).into(),
            path: limit_text(&redact_path(self.path, &[])).into(),
            query: self.query.into(),
            status: self.status,
            fault: self.fault,
            request: message(self.request_headers, self.request_body),
            response: message(self.response_headers, self.response_body),
            rules: self.rules,
            notes: self.notes,
            duration: self.duration,
        }
    }
}

fn limit_text(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}
