//! The report: request counts, which remain after the journal has evicted the requests.

mod problem;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::ById;
use super::journal::Entry;
use crate::domain::note::{MAX_FIELDS, Note, RequestNote};
use crate::domain::operation::Operation;
use crate::domain::rule;
use crate::domain::text::pluralize;

pub use problem::{InvalidProblemKind, ProblemKind};

/// The number of stores that are counted separately. Requests to all further stores are counted together.
const MAX_STORES: usize = 10_000;

/// The number of unknown paths that are counted separately for each store.
const MAX_PATHS: usize = 100;

/// The size of all names that come from clients, in bytes: of stores, unknown paths, methods and fields.
const MAX_NAME_BYTES: usize = 8 * 1024 * 1024;

/// Counts all requests to the emulated API by store.
#[derive(Debug, Default)]
pub(crate) struct RequestCounts(Mutex<CountsByStore>);

#[derive(Debug, Default)]
struct CountsByStore {
    stores: ById<Report>,
    /// The size of the names in all reports.
    name_bytes: usize,
    /// Requests that name no store.
    without_store: Report,
    /// Requests to stores beyond [`MAX_STORES`].
    other_stores: Report,
}

/// The counts of all requests until now, of one store or of all. It is a copy that does not change.
///
/// Unlike the journal, it includes every request since the start.
///
/// ```
/// use yotpo_mock::YotpoMock;
///
/// let yotpo = YotpoMock::start();
/// // …a whole suite runs, and then:
/// let report = yotpo.report();
/// assert_eq!(report.server_errors(), 0);
/// assert!(report.unmatched().is_empty(), "{:?}", report.unmatched());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Report {
    requests: u64,
    calls: BTreeMap<(Operation, u16), u64>,
    /// By path, method and status.
    unmatched: BTreeMap<(Box<str>, Box<str>, u16), u64>,
    /// Requests with paths beyond [`MAX_PATHS`].
    unmatched_more: u64,
    /// The size of the names in `unmatched` and `notes`.
    name_bytes: usize,
    rejections: BTreeMap<&'static str, u64>,
    notes: BTreeMap<Note, NoteCount>,
    server_errors: u64,
    malformed_requests: u64,
    injected: u64,
    /// Requests of all stores beyond [`MAX_STORES`].
    not_by_store: u64,
}

/// How many requests had a note, and the fields that it was about.
#[derive(Clone, Debug, Default)]
struct NoteCount {
    count: u64,
    fields: BTreeSet<String>,
}

impl NoteCount {
    /// Adds fields as far as they fit. Returns the size of the new ones.
    fn add<'a>(&mut self, count: u64, fields: impl IntoIterator<Item = &'a String>, max_bytes: usize) -> usize {
        self.count += count;
        let mut bytes = 0;
        for field in fields {
            let fits = self.fields.len() < MAX_FIELDS && bytes + field.len() <= max_bytes;
            if fits && self.fields.insert(field.clone()) {
                bytes += field.len();
            }
        }
        bytes
    }
}

/// Requests with a path and method that no operation has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmatched {
    /// The method, cut after 512 bytes.
    pub method: String,
    /// The path without the query, cut after 512 bytes.
    pub path: String,
    /// The status of the responses: 404, 405 or 501.
    pub status: u16,
    /// The number of requests.
    pub count: u64,
}

impl RequestCounts {
    /// Counts a request.
    pub fn count(&self, entry: &Entry) {
        let mut counts = self.0.lock();
        let left = MAX_NAME_BYTES - counts.name_bytes;
        let added = counts.store_mut(entry.store()).count(entry, left);
        counts.name_bytes += added;
    }

    /// Whether requests to a store were counted.
    pub fn has_store(&self, id: &str) -> bool {
        self.0.lock().stores.contains_key(id)
    }

    /// The counts of one store, or of all.
    pub fn report(&self, store: Option<&str>) -> Report {
        let counts = self.0.lock();
        let report = match store {
            Some(store) => counts.stores.get(store).cloned().unwrap_or_default(),
            None => counts.total(),
        };
        Report { not_by_store: counts.other_stores.requests, ..report }
    }

    /// Sets the counts of one store, or of all, to zero.
    pub fn clear(&self, store: Option<&str>) {
        let mut counts = self.0.lock();
        match store {
            Some(store) => {
                let removed = counts.stores.remove(store);
                counts.name_bytes -= removed.map_or(0, |report| store.len() + report.name_bytes);
            }
            None => *counts = CountsByStore::default(),
        }
    }
}

impl CountsByStore {
    fn store_mut(&mut self, store: Option<&str>) -> &mut Report {
        let Some(store) = store else {
            return &mut self.without_store;
        };
        // Two lookups avoid an allocation for each request.
        if !self.stores.contains_key(store) {
            if self.stores.len() == MAX_STORES || self.name_bytes + store.len() > MAX_NAME_BYTES {
                return &mut self.other_stores;
            }
            self.name_bytes += store.len();
            self.stores.insert(store.to_owned(), Report::default());
        }
        self.stores.get_mut(store).expect("it was inserted above")
    }

    fn total(&self) -> Report {
        let mut total = Report::default();
        for report in self.stores.values().chain([&self.without_store, &self.other_stores]) {
            total.add(report);
        }
        total
    }
}

impl Report {
    /// Counts a request, with new names as far as they fit. Returns their size.
    fn count(&mut self, entry: &Entry, max_name_bytes: usize) -> usize {
        let before = self.name_bytes;
        let left = |name_bytes| max_name_bytes - (name_bytes - before);
        self.requests += 1;
        match entry.operation {
            Some(operation) => *self.calls.entry((operation, entry.status)).or_default() += 1,
            None => {
                let key = (entry.path().into(), entry.method().into(), entry.status);
                self.name_bytes += self.count_unmatched(key, 1, max_name_bytes);
            }
        }
        for rule in &entry.rules {
            *self.rejections.entry(rule.id).or_default() += 1;
        }
        // A rejected request depends on no assumption.
        if entry.rules.is_empty() {
            for RequestNote { note, fields } in &entry.notes {
                let left = left(self.name_bytes);
                self.name_bytes += self.notes.entry(*note).or_default().add(1, fields, left);
            }
        }
        if entry.fault.is_some() {
            // An injected response is neither a bug of the emulator nor a malformed request.
            self.injected += 1;
            return self.name_bytes - before;
        }
        let is_not_emulated = entry.rules.contains(&&rule::PATH_NOT_EMULATED);
        self.server_errors += u64::from(entry.status >= 500 && !is_not_emulated);
        self.malformed_requests += u64::from(entry.status >= 400 && entry.rules.is_empty());
        self.name_bytes - before
    }

    /// Counts requests to an unknown path. Returns the size of its names if they are new.
    fn count_unmatched(&mut self, key: (Box<str>, Box<str>, u16), count: u64, max_bytes: usize) -> usize {
        if let Some(counted) = self.unmatched.get_mut(&key) {
            *counted += count;
            return 0;
        }
        let bytes = key.0.len() + key.1.len();
        if self.unmatched.len() >= MAX_PATHS || bytes > max_bytes {
            self.unmatched_more += count;
            return 0;
        }
        self.unmatched.insert(key, count);
        bytes
    }

    fn add(&mut self, other: &Report) {
        fn add_all<K: Clone + Ord>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
            for (key, count) in from {
                *to.entry(key.clone()).or_default() += count;
            }
        }
        self.requests += other.requests;
        add_all(&mut self.calls, &other.calls);
        add_all(&mut self.rejections, &other.rejections);
        for (note, NoteCount { count, fields }) in &other.notes {
            self.notes.entry(*note).or_default().add(*count, fields, usize::MAX);
        }
        for (key, count) in &other.unmatched {
            self.count_unmatched(key.clone(), *count, usize::MAX);
        }
        self.unmatched_more += other.unmatched_more;
        self.server_errors += other.server_errors;
        self.malformed_requests += other.malformed_requests;
        self.injected += other.injected;
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The calls of an operation.
    pub fn calls(&self, operation: Operation) -> u64 {
        let calls = self.calls.iter().filter(|((called, _), _)| *called == operation);
        calls.map(|(_, count)| count).sum()
    }

    /// The calls of an operation that were answered with a status, or 0 for those without a response.
    pub fn calls_with(&self, operation: Operation, status: u16) -> u64 {
        self.calls.get(&(operation, status)).copied().unwrap_or(0)
    }

    /// The operations without a call.
    pub fn never_called(&self) -> Vec<Operation> {
        let mut operations = Operation::ALL.to_vec();
        operations.retain(|operation| self.calls(*operation) == 0);
        operations
    }

    /// How often a [rule] rejected a request, by the rule's id.
    pub fn rejections(&self, rule: &str) -> u64 {
        self.rejections.get(rule).copied().unwrap_or(0)
    }

    /// The notes that applied to requests, and how often. Rejected requests do not count.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::note::Grade;
    ///
    /// let assumed = yotpo.report().notes().into_iter().filter(|(note, _)| note.grade() == Grade::Assumed);
    /// assert_eq!(assumed.count(), 0);
    /// ```
    pub fn notes(&self) -> Vec<(Note, u64)> {
        self.notes.iter().map(|(note, counted)| (*note, counted.count)).collect()
    }

    /// The fields and query parameters that a note was about, at most 20 of them, sorted.
    pub fn note_fields(&self, note: Note) -> Vec<String> {
        self.notes.get(&note).into_iter().flat_map(|counted| counted.fields.iter().cloned()).collect()
    }

    /// The requests that matched no operation, by path and method: at most the first hundred of each store.
    pub fn unmatched(&self) -> Vec<Unmatched> {
        let unmatched = self.unmatched.iter().map(|((path, method, status), count)| Unmatched {
            method: method.to_string(),
            path: path.to_string(),
            status: *status,
            count: *count,
        });
        unmatched.collect()
    }

    /// Responses with a status from 500 that neither a fault nor a path that is not emulated explains: bugs of the emulator.
    pub fn server_errors(&self) -> u64 {
        self.server_errors
    }

    /// Responses with a status from 400 that no [rule] and no fault explains.
    pub fn malformed_requests(&self) -> u64 {
        self.malformed_requests
    }

    /// Requests that matched a fault.
    pub fn injected(&self) -> u64 {
        self.injected
    }

    /// The JSON of `GET /_mock/report`.
    pub fn to_json(&self) -> Value {
        let mut calls = Map::new();
        for ((operation, status), count) in &self.calls {
            calls.entry(operation.as_str()).or_insert_with(|| json!({}))[status.to_string()] = json!(count);
        }
        let unmatched = self.unmatched.iter().map(|((path, method, status), count)| {
            json!({ "method": method, "path": path, "status": status, "count": count })
        });
        let notes = self.notes.iter().map(|(note, NoteCount { count, fields })| {
            (note.id().to_owned(), json!({ "grade": note.grade().as_str(), "count": count, "fields": fields }))
        });
        json!({
            "requests": self.requests,
            "calls": calls,
            "never_called": self.never_called().into_iter().map(Operation::as_str).collect::<Vec<_>>(),
            "unmatched": unmatched.collect::<Vec<_>>(),
            "unmatched_more": self.unmatched_more,
            "rejections": self.rejections,
            "notes": notes.collect::<Map<_, _>>(),
            "server_errors": self.server_errors,
            "malformed_requests": self.malformed_requests,
            "injected": self.injected,
            "not_by_store": self.not_by_store,
        })
    }
}

/// A summary for the end of a test run: calls, rejections, notes and unmatched requests, a line each.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (injected, server_errors) = (self.injected, pluralize(self.server_errors, "server error"));
        let requests = pluralize(self.requests, "request");
        write!(f, "{requests}, {injected} with an injected fault, {server_errors}")?;
        for ((operation, status), count) in &self.calls {
            write!(f, "\n  {} answered {status}: {count}", operation.as_str())?;
        }
        for (rule, count) in &self.rejections {
            write!(f, "\n  rejected by {rule}: {count}")?;
        }
        for (note, NoteCount { count, fields }) in &self.notes {
            write!(f, "\n  {} {}: {count}", note.grade().as_str(), note.id())?;
            if !fields.is_empty() {
                write!(f, " ({})", Vec::from_iter(fields.iter().map(String::as_str)).join(", "))?;
            }
        }
        for ((path, method, status), count) in &self.unmatched {
            write!(f, "\n  no operation {method} {path} answered {status}: {count}")?;
        }
        Ok(())
    }
}
