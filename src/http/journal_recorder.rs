//! Recording: every request to the vendor's surface is written down with its answer, whichever way it came in.

use std::borrow::Cow;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::head::Head;
use super::paths::Target;
use super::request_context::{RequestContext, RequestFacts};
use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;
use crate::domain::rule::Rule;
use crate::world::World;
use crate::world::journal::{BodyDraft, Entry, EntryDraft, InFlight, OpenEntry};

/// A request whose entry is open.
pub(super) struct JournalRecorder<'a> {
    world: &'a World,
    head: &'a Head<'a>,
    opened: OpenEntry<'a>,
    started: Instant,
}

/// What goes out, as far as it is written down.
#[derive(Default)]
pub(super) struct Sent<'a> {
    /// 0 where a fault left no answer.
    pub status: u16,
    /// A line each, less those of HTTP itself.
    pub headers: &'a [u8],
    /// `None` where it is not known before it goes out, or where none goes out.
    pub body: Option<BodyDraft<'a>>,
    /// The rules that refused the request.
    pub rules: Vec<&'static Rule>,
    /// The fault that struck.
    pub fault: Option<u64>,
}

impl<'a> JournalRecorder<'a> {
    /// Opens the entry of a request, before anything can refuse it. Gives, too, what is asked of the vendor, or why nothing is;
    /// `None` where the emulator is stopping.
    pub fn open(
        world: &'a Arc<World>,
        head: &'a Head<'a>,
    ) -> Option<(JournalRecorder<'a>, RequestContext, Result<Operation, Rejection>)> {
        let started = Instant::now();
        let opened = world.journal.open()?;
        let Target { store, operation } = Target::of(head.method, head.path);
        let context = RequestContext::new(world.call(), opened.number, store);
        if let Ok(operation) = &operation {
            context.set_operation(*operation);
        }
        let journal_recorder = JournalRecorder {
            world,
            head,
            opened,
            started,
        };
        Some((journal_recorder, context, operation))
    }

    /// Closes the entry. The request stays under way until its answer is written, too.
    pub fn close(self, context: &RequestContext, told: RequestFacts, sent: Sent<'_>) -> InFlight {
        let JournalRecorder { world, head, .. } = self;
        let store_scope = told.store_scope.as_deref();
        let body = told.body.as_ref();
        let draft = EntryDraft {
            at: store_scope.map_or(context.call.now(), |store_scope| store_scope.now),
            operation: told.operation,
            store: store_scope.map(|store_scope| store_scope.store.as_str()),
            method: head.method.as_str(),
            path: head.path,
            query: head.query,
            status: sent.status,
            fault: sent.fault,
            rules: sent.rules,
            notes: told.notes,
            duration: self.started.elapsed(),
            request_headers: &head.lines(),
            request_body: body.map(|(arrived, whole_bytes)| BodyDraft::Bytes(arrived, *whole_bytes)),
            response_headers: sent.headers,
            response_body: sent.body,
        };
        let (entry, in_flight) = self.opened.close(draft);
        log(&entry);
        world.report.count(&entry);
        in_flight
    }
}

/// What becomes of a request that comes while the emulator is stopping: whoever asks then finds the connection closed, not an answer
/// that is cut.
pub(super) async fn never_answered<T>() -> T {
    pending().await
}

/// One line per request, with the rules that refused it; never a query, a token, a secret or an e-mail address.
fn log(entry: &Entry) {
    let ids = |rules: &[&Rule]| rules.iter().map(|rule| rule.id).collect::<Vec<_>>().join(", ");
    tracing::info!(
        target: "yotpo_mock::requests",
        method = entry.method(),
        path = discreet(entry.path()),
        status = entry.status,
        duration_us = u64::try_from(entry.duration.as_micros()).unwrap_or(u64::MAX),
        store = entry.store().map(discreet),
        rules = (!entry.rules.is_empty()).then(|| ids(&entry.rules)),
        "request"
    );
    tracing::debug!(
        target: "yotpo_mock::requests",
        number = entry.number,
        operation = entry.operation.map(Operation::as_str),
        notes = entry.notes.iter().map(|note| note.id()).collect::<Vec<_>>().join(", "),
        "request, in detail"
    );
}

/// Leaves out the segments of a path that may hold an e-mail address or a token, however often they are encoded.
fn discreet(path: &str) -> String {
    let is_private = |segment: &str| {
        let mut decoded = segment.to_owned();
        loop {
            match percent_decode_str(&decoded).decode_utf8_lossy() {
                Cow::Owned(again) if again != decoded => decoded = again,
                _ => break ["@", "ymt_", "access_token="].iter().any(|word| decoded.contains(word)),
            }
        }
    };
    let segments = path
        .split('/')
        .map(|segment| if is_private(segment) { "[redacted]" } else { segment });
    utf8_percent_encode(&segments.collect::<Vec<_>>().join("/"), CONTROLS).to_string()
}
