//! Records: how the journal keeps entries until somebody reads them.
//!
//! Each request costs what its record costs, and hardly any is ever read. So all its texts are copied into one piece of memory, as
//! they came, and taken apart when an [`Entry`] is made of them.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use chrono::{DateTime, Utc};

use super::entry::Entry;
use super::message::{Body, Headers, Message, Query};
use super::{Limits, cut};
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::page::RenderedPage;
use crate::domain::rule::Rule;

thread_local! {
    /// Where the texts of a record are put together before they are kept at their exact size.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The parts of a record's texts, in their order.
#[derive(Clone, Copy)]
enum Part {
    Store,
    Method,
    Path,
    Query,
    RequestHeaders,
    ResponseHeaders,
    RequestBody,
    ResponseBody,
}

const PARTS: usize = 8;

const IS_TEXT: &str = "it was a text, cut between two characters";

/// A request and its answer, before the journal keeps them.
pub(crate) struct EntryDraft<'a> {
    pub number: u64,
    pub at: DateTime<Utc>,
    pub operation: Option<Operation>,
    pub store: Option<&'a str>,
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub status: u16,
    pub fault: Option<u64>,
    pub rules: Vec<&'static Rule>,
    pub notes: Vec<Note>,
    pub duration: Duration,
    /// A line each: a name in any case, a colon, the value.
    pub request_headers: &'a [u8],
    pub request_body: Option<BodyDraft<'a>>,
    pub response_headers: &'a [u8],
    pub response_body: Option<BodyDraft<'a>>,
}

/// A body, before the journal keeps it.
#[derive(Clone, Copy)]
pub(crate) enum BodyDraft<'a> {
    /// What there is of it, and how long it was to be in all.
    Bytes(&'a [u8], u64),
    /// A page, which is not joined before somebody reads it.
    Page(&'a RenderedPage),
}

impl<'a> BodyDraft<'a> {
    /// A body that is all there.
    pub fn whole(body: &'a [u8]) -> BodyDraft<'a> {
        BodyDraft::Bytes(body, u64::try_from(body.len()).unwrap_or(u64::MAX))
    }

    /// What is copied of it.
    fn copied(self, most_bytes: usize) -> &'a [u8] {
        match self {
            BodyDraft::Bytes(bytes, _) => &bytes[..bytes.len().min(most_bytes)],
            BodyDraft::Page(_) => &[],
        }
    }
}

/// One entry as the journal keeps it.
pub(super) struct StoredEntry {
    pub number: u64,
    at: DateTime<Utc>,
    duration: Duration,
    operation: Option<Operation>,
    status: u16,
    has_store: bool,
    fault: Option<u64>,
    rules: Vec<&'static Rule>,
    notes: Vec<Note>,
    /// All texts, one behind the other.
    texts: Bytes,
    /// Where each of them ends.
    ends: [u32; PARTS],
    request_body: Option<KeptBody>,
    response_body: Option<KeptBody>,
}

/// What is kept of a body beside its bytes.
enum KeptBody {
    /// How long it was to be in all.
    Bytes(u64),
    Page(Body),
}

impl KeptBody {
    fn of(body: BodyDraft<'_>, most_bytes: usize) -> KeptBody {
        match body {
            BodyDraft::Bytes(_, whole_bytes) => KeptBody::Bytes(whole_bytes),
            BodyDraft::Page(page) => KeptBody::Page(Body::keep_page(page, most_bytes)),
        }
    }

    fn body(&self, bytes: Bytes) -> Body {
        match self {
            KeptBody::Bytes(whole_bytes) => Body::of_bytes(bytes, *whole_bytes),
            KeptBody::Page(page) => page.clone(),
        }
    }
}

impl StoredEntry {
    /// Keeps what there is of a request, cut where it is long.
    pub fn new(draft: EntryDraft<'_>, limits: Limits) -> StoredEntry {
        let body = |body: Option<BodyDraft<'_>>| body.map(|body| KeptBody::of(body, limits.body_bytes));
        let parts: [&[u8]; PARTS] = [
            cut(draft.store.unwrap_or_default()).as_bytes(),
            cut(draft.method).as_bytes(),
            cut(draft.path).as_bytes(),
            draft.query.as_bytes(),
            draft.request_headers,
            draft.response_headers,
            draft.request_body.map_or(&[], |body| body.copied(limits.body_bytes)),
            draft.response_body.map_or(&[], |body| body.copied(limits.body_bytes)),
        ];
        let mut ends = [0; PARTS];
        let texts = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            for (part, end) in parts.iter().zip(&mut ends) {
                scratch.extend_from_slice(part);
                *end = u32::try_from(scratch.len()).expect("heads and what is kept of bodies are far below 4 GiB");
            }
            Bytes::copy_from_slice(scratch)
        });
        StoredEntry {
            number: draft.number,
            at: draft.at,
            duration: draft.duration,
            operation: draft.operation,
            status: draft.status,
            has_store: draft.store.is_some(),
            fault: draft.fault,
            request_body: body(draft.request_body),
            response_body: body(draft.response_body),
            rules: draft.rules,
            notes: draft.notes,
            texts,
            ends,
        }
    }

    fn range(&self, part: Part) -> Range<usize> {
        let part = part as usize;
        let end = |part: usize| usize::try_from(self.ends[part]).expect("it was a length in memory");
        part.checked_sub(1).map_or(0, end)..end(part)
    }

    fn part(&self, part: Part) -> Bytes {
        self.texts.slice(self.range(part))
    }

    fn text(&self, part: Part) -> ByteString {
        ByteString::try_from(self.part(part)).expect(IS_TEXT)
    }

    /// The store that was meant.
    pub fn store(&self) -> Option<&str> {
        let store = &self.texts[self.range(Part::Store)];
        self.has_store.then(|| str::from_utf8(store).expect(IS_TEXT))
    }

    /// The entry, to be read.
    pub fn entry(&self) -> Entry {
        let message = |headers, kept: &Option<KeptBody>, body| Message {
            headers: Headers(self.part(headers)),
            body: kept.as_ref().map(|kept| kept.body(self.part(body))),
        };
        Entry {
            number: self.number,
            at: self.at,
            operation: self.operation,
            store: self.has_store.then(|| self.text(Part::Store)),
            method: self.text(Part::Method),
            path: self.text(Part::Path),
            query: Query(self.part(Part::Query)),
            status: self.status,
            fault: self.fault,
            rules: self.rules.clone(),
            notes: self.notes.clone(),
            duration: self.duration,
            request: message(Part::RequestHeaders, &self.request_body, Part::RequestBody),
            response: message(Part::ResponseHeaders, &self.response_body, Part::ResponseBody),
        }
    }

    /// About how much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        let pages = [&self.request_body, &self.response_body].into_iter().flatten();
        let pages = pages.map(|kept| match kept {
            KeptBody::Bytes(_) => 0,
            KeptBody::Page(page) => page.kept_bytes(),
        });
        size_of::<StoredEntry>() + self.texts.len() + pages.sum::<usize>()
    }
}

impl fmt::Debug for StoredEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry().fmt(f)
    }
}
