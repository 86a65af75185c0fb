//! The report: what was counted, long after the journal has forgotten it.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::ById;
use super::journal::Entry;
use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule;

/// How many stores are counted apart; requests for others are counted together.
const MAX_STORES: usize = 10_000;

/// How many paths that are none of the vendor's are told apart, for each store.
const MAX_PATHS: usize = 100;

/// Counts every request to the vendor's surface.
#[derive(Debug, Default)]
pub(crate) struct Report {
    counters: Mutex<Counters>,
}

/// What is counted, by whose it is.
#[derive(Debug, Default)]
struct Counters {
    of_stores: ById<RequestCounts>,
    /// Of requests that name no store.
    of_none: RequestCounts,
    /// Of requests for stores beyond [`MAX_STORES`].
    of_others: RequestCounts,
}

/// Requests, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestCounts {
    pub requests: u64,
    pub calls: BTreeMap<(Operation, u16), u64>,
    pub unmatched: BTreeMap<Unmatched, u64>,
    /// Requests with paths beyond [`MAX_PATHS`].
    unmatched_more: u64,
    pub refusals: BTreeMap<&'static str, u64>,
    pub notes: BTreeMap<Note, u64>,
    pub server_errors: u64,
    pub malformed_requests: u64,
    pub injected: u64,
    /// Requests for stores beyond [`MAX_STORES`], of all stores together.
    not_by_store: u64,
}

/// A request that met no operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unmatched {
    pub path: String,
    pub method: String,
    pub status: u16,
}

impl Report {
    /// Counts an answered request.
    pub fn count(&self, entry: &Entry) {
        let mut counters = self.counters.lock();
        counters.of(entry.store()).count(entry);
    }

    /// What was counted of one store, or of all.
    pub fn tally(&self, store: Option<&str>) -> RequestCounts {
        let counters = self.counters.lock();
        let tally = match store {
            Some(store) => counters.of_stores.get(store).cloned().unwrap_or_default(),
            None => counters.total(),
        };
        RequestCounts {
            not_by_store: counters.of_others.requests,
            ..tally
        }
    }

    /// Begins anew to count one store, or all.
    pub fn clear(&self, store: Option<&str>) {
        let mut counters = self.counters.lock();
        match store {
            Some(store) => {
                counters.of_stores.remove(store);
            }
            None => *counters = Counters::default(),
        }
    }
}

impl Counters {
    fn of(&mut self, store: Option<&str>) -> &mut RequestCounts {
        let Some(store) = store else {
            return &mut self.of_none;
        };
        // Looked up twice rather than making a text of the id each time.
        if !self.of_stores.contains_key(store) {
            if self.of_stores.len() == MAX_STORES {
                return &mut self.of_others;
            }
            self.of_stores.insert(store.to_owned(), RequestCounts::default());
        }
        self.of_stores.get_mut(store).expect("it is there by now")
    }

    fn total(&self) -> RequestCounts {
        let mut total = RequestCounts::default();
        self.of_stores
            .values()
            .chain([&self.of_none, &self.of_others])
            .for_each(|tally| total.add(tally));
        total
    }
}

impl RequestCounts {
    fn count(&mut self, entry: &Entry) {
        self.requests += 1;
        match entry.operation {
            Some(operation) => *self.calls.entry((operation, entry.status)).or_default() += 1,
            None => self.count_unmatched(
                Unmatched {
                    path: entry.path().to_owned(),
                    method: entry.method().to_owned(),
                    status: entry.status,
                },
                1,
            ),
        }
        for rule in &entry.rules {
            *self.refusals.entry(rule.id).or_default() += 1;
        }
        for note in &entry.notes {
            *self.notes.entry(*note).or_default() += 1;
        }
        if entry.fault.is_some() {
            // What a test injected is neither the emulator's failure nor a refusal.
            self.injected += 1;
            return;
        }
        let is_not_emulated = entry.rules.contains(&&rule::PATH_NOT_EMULATED);
        self.server_errors += u64::from(entry.status >= 500 && !is_not_emulated);
        self.malformed_requests += u64::from(entry.status >= 400 && entry.rules.is_empty());
    }

    fn count_unmatched(&mut self, unmatched: Unmatched, count: u64) {
        if self.unmatched.len() < MAX_PATHS || self.unmatched.contains_key(&unmatched) {
            *self.unmatched.entry(unmatched).or_default() += count;
        } else {
            self.unmatched_more += count;
        }
    }

    fn add(&mut self, other: &RequestCounts) {
        fn add<K: Clone + Ord>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
            for (key, count) in from {
                *to.entry(key.clone()).or_default() += count;
            }
        }
        self.requests += other.requests;
        add(&mut self.calls, &other.calls);
        add(&mut self.refusals, &other.refusals);
        add(&mut self.notes, &other.notes);
        for (unmatched, count) in &other.unmatched {
            self.count_unmatched(unmatched.clone(), *count);
        }
        self.unmatched_more += other.unmatched_more;
        self.server_errors += other.server_errors;
        self.malformed_requests += other.malformed_requests;
        self.injected += other.injected;
    }

    /// The operations that nobody has called.
    pub fn never_called(&self) -> impl Iterator<Item = Operation> {
        let is_called = |operation: &Operation| self.calls.keys().any(|(called, _)| called == operation);
        Operation::ALL
            .iter()
            .copied()
            .filter(move |operation| !is_called(operation))
    }

    /// As the control surface tells it.
    pub fn to_json(&self) -> Value {
        let mut calls = Map::new();
        for ((operation, status), count) in &self.calls {
            calls.entry(operation.as_str()).or_insert_with(|| json!({}))[status.to_string()] = json!(count);
        }
        let never_called = self.never_called().map(Operation::as_str);
        let unmatched = self.unmatched.iter().map(|(unmatched, count)| {
            let Unmatched { path, method, status } = unmatched;
            json!({ "method": method, "path": path, "status": status, "count": count })
        });
        let notes = self.notes.iter().map(|(note, count)| {
            let told = json!({ "grade": note.grade().as_str(), "count": count });
            (note.id().to_owned(), told)
        });
        json!({
            "requests": self.requests,
            "calls": calls,
            "never_called": never_called.collect::<Vec<_>>(),
            "unmatched": unmatched.collect::<Vec<_>>(),
            "unmatched_more": self.unmatched_more,
            "refusals": self.refusals,
            "notes": notes.collect::<Map<_, _>>(),
            "server_errors": self.server_errors,
            "malformed_requests": self.malformed_requests,
            "injected": self.injected,
            "not_by_store": self.not_by_store,
        })
    }
}
