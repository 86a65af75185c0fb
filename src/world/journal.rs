//! The request journal: the latest requests to the emulated API with their responses, oldest first.
//!
//! Entries hold the raw bytes of both messages. Secrets are redacted when an entry is read.

mod draft;
mod entry;
mod file;
mod message;
mod recent_entries;
mod redaction;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

pub(crate) use draft::{BodyDraft, EntryDraft, MAX_TEXT_BYTES};
pub use entry::Entry;
use file::{JournalFile, QUEUE_BYTES};
pub use message::Message;
pub(crate) use message::object_from_pairs;
use recent_entries::RecentEntries;
pub(crate) use redaction::{find_hidden, is_hidden, redact_path};

/// The default number of requests of each store in the journal. The oldest are evicted first.
pub const DEFAULT_ENTRIES: usize = 1000;

/// The default memory limit of the journal, in bytes: 64 MiB.
pub const DEFAULT_BYTES: usize = 64 * 1024 * 1024;

/// The default limit for the stored part of each body, in bytes: 16 KiB.
pub const DEFAULT_BODY_BYTES: usize = 16 * 1024;

/// The bounds of a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalLimits {
    /// The number of entries of each store.
    pub entries: usize,
    /// The total size of all entries. The latest entry stays even if it is larger.
    pub bytes: usize,
    /// The size of each stored body.
    pub body_bytes: usize,
}

impl Default for JournalLimits {
    fn default() -> JournalLimits {
        JournalLimits { entries: DEFAULT_ENTRIES, bytes: DEFAULT_BYTES, body_bytes: DEFAULT_BODY_BYTES }
    }
}

/// Counts a request as in flight until dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<AtomicU64>);

impl InFlight {
    fn new(counter: &Arc<AtomicU64>) -> InFlight {
        counter.fetch_add(1, Ordering::SeqCst);
        InFlight(counter.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A request that has a number and no response yet.
#[derive(Debug)]
pub(crate) struct OpenEntry<'a> {
    journal: &'a Journal,
    pub number: u64,
    in_flight: InFlight,
}

impl OpenEntry<'_> {
    /// Adds the entry to the journal. The request stays in flight until its response is written.
    pub fn close(self, draft: EntryDraft<'_>) -> (Arc<Entry>, InFlight) {
        let journal = self.journal;
        let entry = Arc::new(draft.into_entry(self.number, journal.limits.body_bytes));
        let evicted = journal.recent.lock().push(entry.clone(), journal.limits);
        // Freed after the lock is released.
        drop(evicted);
        if let Some(file) = &journal.file {
            file.write(entry.clone());
        }
        (entry, self.in_flight)
    }
}

/// The latest requests of one emulator.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    limits: JournalLimits,
    last_number: AtomicU64,
    in_flight: Arc<AtomicU64>,
    is_ended: AtomicBool,
    recent: Mutex<RecentEntries>,
    file: Option<JournalFile>,
}

impl Journal {
    /// Creates a journal, and writes its entries to a file if there is one.
    ///
    /// # Errors
    ///
    /// If the thread that writes the file cannot be started.
    pub fn new(limits: JournalLimits, file: Option<File>) -> io::Result<Journal> {
        let file = file.map(|file| JournalFile::start(file, QUEUE_BYTES)).transpose()?;
        Ok(Journal { limits, file, ..Journal::default() })
    }

    /// Waits until the journal file is complete, or until the deadline. Later entries are not written to it.
    pub fn finish(&self, deadline: Instant) {
        if let Some(file) = &self.file {
            file.finish(deadline);
        }
    }

    /// Numbers a request and opens its entry. `None` after [`end`](Journal::end).
    pub fn open(&self) -> Option<OpenEntry<'_>> {
        Some(OpenEntry {
            in_flight: self.begin_request()?,
            journal: self,
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
        })
    }

    /// Counts a request that gets no entry. `None` after [`end`](Journal::end).
    pub fn begin_request(&self) -> Option<InFlight> {
        // The order matters: `end` stores the flag before anyone waits for the counter to reach zero. So either this request
        // sees the flag, or the waiting thread sees this request.
        let in_flight = InFlight::new(&self.in_flight);
        (!self.is_ended.load(Ordering::SeqCst)).then_some(in_flight)
    }

    /// Rejects further requests. Requests in flight can still be closed.
    pub fn end(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
    }

    /// The number of requests whose responses are not completely written, including those without an entry.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// The stored entries in the order in which they were closed.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.recent.lock().in_order()
    }

    /// The stored entry with this number.
    pub fn entry(&self, number: u64) -> Option<Arc<Entry>> {
        self.recent.lock().find(number)
    }

    /// The number of the last request; 0 before the first.
    pub fn last_number(&self) -> u64 {
        self.last_number.load(Ordering::Relaxed)
    }

    /// The highest number that was evicted, of one store or of all; 0 if nothing was. The journal is complete after this number.
    pub fn last_evicted(&self, store: Option<&str>) -> u64 {
        self.recent.lock().last_evicted(store)
    }

    /// Removes the entries of one store, or all. Numbering continues.
    pub fn clear(&self, store: Option<&str>) {
        let mut recent = self.recent.lock();
        match store {
            Some(store) => recent.clear_store(store),
            None => *recent = RecentEntries::default(),
        }
    }
}
