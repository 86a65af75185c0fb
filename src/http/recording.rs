//! Recording: every request to the vendor's surface is written down with its answer, whichever way it came in.

use std::borrow::Cow;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::exchange::{Exchange, Told};
use super::head::Head;
use super::paths::Target;
use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;
use crate::domain::rule::Rule;
use crate::world::World;
use crate::world::journal::{self, BodyDraft, Draft, Opened, UnderWay};

/// A request whose entry is open.
pub(super) struct Recording<'a> {
    world: &'a World,
    head: &'a Head<'a>,
    opened: Opened<'a>,
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

impl<'a> Recording<'a> {
    /// Opens the entry of a request, before anything can refuse it. Gives, too, what is asked of the vendor, or why nothing is;
    /// `None` where the emulator is stopping.
    pub fn open(
        world: &'a Arc<World>,
        head: &'a Head<'a>,
    ) -> Option<(Recording<'a>, Exchange, Result<Operation, Rejection>)> {
        let started = Instant::now();
        let opened = world.journal.open()?;
        let Target { store, operation } = Target::of(head.method, head.path);
        let exchange = Exchange::new(world.call(), opened.number, store);
        if let Ok(operation) = &operation {
            exchange.set_operation(*operation);
        }
        let recording = Recording {
            world,
            head,
            opened,
            started,
        };
        Some((recording, exchange, operation))
    }

    /// Closes the entry. The request stays under way until its answer is written, too.
    pub fn close(self, exchange: &Exchange, told: Told, sent: Sent<'_>) -> UnderWay {
        let Recording { world, head, .. } = self;
        let visit = told.visit.as_deref();
        let body = told.body.as_ref();
        let draft = Draft {
            number: self.opened.number,
            at: visit.map_or(exchange.call.now(), |visit| visit.now),
            operation: told.operation,
            store: visit.map(|visit| visit.store.as_str()),
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
        log(&draft);
        world.report.count(&draft);
        self.opened.close(draft)
    }
}

/// What becomes of a request that comes while the emulator is stopping: whoever asks then finds the connection closed, not an answer
/// that is cut.
pub(super) async fn never_answered<T>() -> T {
    pending().await
}

/// One line per request, with the rules that refused it; never a query, a token, a secret or an e-mail address.
fn log(answered: &Draft<'_>) {
    let ids = |rules: &[&Rule]| rules.iter().map(|rule| rule.id).collect::<Vec<_>>().join(", ");
    tracing::info!(
        target: "yotpo_mock::requests",
        method = journal::cut(answered.method),
        path = discreet(journal::cut(answered.path)),
        status = answered.status,
        duration_us = u64::try_from(answered.duration.as_micros()).unwrap_or(u64::MAX),
        store = answered.store.map(|store| discreet(journal::cut(store))),
        rules = (!answered.rules.is_empty()).then(|| ids(&answered.rules)),
        "request"
    );
    tracing::debug!(
        target: "yotpo_mock::requests",
        number = answered.number,
        operation = answered.operation.map(Operation::as_str),
        notes = answered.notes.iter().map(|note| note.id()).collect::<Vec<_>>().join(", "),
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
