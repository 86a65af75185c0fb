//! The journal: what was asked and what was answered, newest last.
//!
//! It keeps messages as they came; they are read, and their secrets taken out, when the journal is read.

mod entry;
mod file;
mod message;
mod redaction;
mod stored_entry;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::ById;
pub use entry::Entry;
use file::JournalFile;
pub use message::Message;
pub(crate) use redaction::is_hidden;
use stored_entry::StoredEntry;
pub(crate) use stored_entry::{BodyDraft, EntryDraft};

/// How many requests the journal keeps unless told otherwise; older ones are forgotten.
pub const DEFAULT_ENTRIES: usize = 1000;

/// How much memory the journal takes unless told otherwise, in bytes: 64 MiB.
pub const DEFAULT_BYTES: usize = 64 * 1024 * 1024;

/// How much the journal keeps of each body unless told otherwise, in bytes: 16 KiB.
pub const DEFAULT_BODY_BYTES: usize = 16 * 1024;

/// The longest method, path or store id that the journal keeps, in bytes; what is longer is cut.
const MAX_TEXT_BYTES: usize = 512;

/// A text as the journal keeps it, cut where it is long.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// The bounds of a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub entries: usize,
    /// Of all entries together; the latest is kept however large it is.
    pub bytes: usize,
    /// Of each body.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            entries: DEFAULT_ENTRIES,
            bytes: DEFAULT_BYTES,
            body_bytes: DEFAULT_BODY_BYTES,
        }
    }
}

/// Counts a request as under way for as long as it lives.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<AtomicU64>);

impl InFlight {
    fn count(counter: &Arc<AtomicU64>) -> InFlight {
        counter.fetch_add(1, Ordering::SeqCst);
        InFlight(counter.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A request that has its number and is not answered yet.
#[derive(Debug)]
pub(crate) struct OpenEntry<'a> {
    journal: &'a Journal,
    pub number: u64,
    in_flight: InFlight,
}

impl OpenEntry<'_> {
    /// Closes the entry. The request stays under way until its answer is written, too.
    pub fn close(self, draft: EntryDraft<'_>) -> InFlight {
        let OpenEntry { journal, in_flight, .. } = self;
        let record = Arc::new(StoredEntry::new(draft, journal.limits));
        let line = journal.file.as_ref().map(|file| (file, record.clone()));
        let forgotten = journal.kept.lock().add(record, journal.limits);
        drop(forgotten);
        if let Some((file, record)) = line {
            file.add(record);
        }
        in_flight
    }
}

/// The latest requests of one world.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    limits: Limits,
    last_number: AtomicU64,
    in_flight: Arc<AtomicU64>,
    /// Whether no more requests are taken.
    is_ended: AtomicBool,
    kept: Mutex<Retained>,
    file: Option<JournalFile>,
}

/// What is kept of the entries, in the order in which they were closed, and its weight.
#[derive(Debug, Default)]
struct Retained {
    records: VecDeque<Arc<StoredEntry>>,
    bytes: usize,
    /// The last request of each store that went for another, and the last of all.
    forgotten_of: ById<u64>,
    forgotten: u64,
}

/// How many stores are told apart in what was forgotten.
const MAX_STORES: usize = 10_000;

impl Retained {
    /// Adds an entry; gives those that must go for it, to be dropped where nobody waits.
    fn add(&mut self, record: Arc<StoredEntry>, limits: Limits) -> (Option<Arc<StoredEntry>>, Vec<Arc<StoredEntry>>) {
        self.bytes += record.weight();
        self.records.push_back(record);
        // Nearly always it is one.
        let (mut first, mut others) = (None, Vec::new());
        while self.records.len() > limits.entries || (self.bytes > limits.bytes && self.records.len() > 1) {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= oldest.weight();
            self.note(&oldest);
            if let Some(other) = first.replace(oldest) {
                others.push(other);
            }
        }
        (first, others)
    }

    fn note(&mut self, forgotten: &StoredEntry) {
        self.forgotten = self.forgotten.max(forgotten.number);
        let Some(store) = forgotten.store() else { return };
        // Looked up twice rather than making a text of the id each time.
        if let Some(last) = self.forgotten_of.get_mut(store) {
            *last = forgotten.number.max(*last);
        } else if self.forgotten_of.len() < MAX_STORES {
            self.forgotten_of.insert(store.to_owned(), forgotten.number);
        }
    }
}

impl Journal {
    /// A journal that writes itself to a file, too, if there is one.
    ///
    /// # Errors
    ///
    /// If there is no thread for the file.
    pub fn new(limits: Limits, file: Option<File>) -> io::Result<Journal> {
        Ok(Journal {
            limits,
            file: file.map(JournalFile::start).transpose()?,
            ..Journal::default()
        })
    }

    /// Returns when everything is in the file; what comes after this is not.
    pub fn finish(&self) {
        if let Some(file) = &self.file {
            file.finish();
        }
    }

    /// Opens an entry: gives the request its number. `None` once the journal has [ended](Journal::end).
    pub fn open(&self) -> Option<OpenEntry<'_>> {
        Some(OpenEntry {
            in_flight: self.begin_request()?,
            journal: self,
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
        })
    }

    /// Counts a request that has no entry. `None` once the journal has [ended](Journal::end).
    pub fn begin_request(&self) -> Option<InFlight> {
        // Counted first, asked then, while a stop ends first and counts then: one of the two sees the other.
        let in_flight = InFlight::count(&self.in_flight);
        (!self.is_ended.load(Ordering::SeqCst)).then_some(in_flight)
    }

    /// Takes no more requests. Those that are under way are closed as ever.
    pub fn end(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
    }

    /// How many requests are being answered, those without an entry included, their answers written.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// The entries that are kept, in the order in which they were closed.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        // Made once nobody waits for it.
        let records: Vec<_> = self.kept.lock().records.iter().cloned().collect();
        records.iter().map(|record| Arc::new(record.entry())).collect()
    }

    /// The number of the last request of one store, or of all, that had to go for another: what came up to it is not all there.
    pub fn forgotten(&self, store: Option<&str>) -> u64 {
        let kept = self.kept.lock();
        match store {
            Some(store) if kept.forgotten_of.len() < MAX_STORES => kept.forgotten_of.get(store).copied().unwrap_or(0),
            _ => kept.forgotten,
        }
    }

    /// Forgets the entries of one store, or all; numbers go on.
    pub fn clear(&self, store: Option<&str>) {
        let mut kept = self.kept.lock();
        let mut all = std::mem::take(&mut *kept);
        if let Some(store) = store {
            // What is forgotten on purpose is not missed.
            all.forgotten_of.remove(store);
            kept.forgotten_of = std::mem::take(&mut all.forgotten_of);
            kept.forgotten = all.forgotten;
            let records = std::mem::take(&mut all.records).into_iter();
            kept.records = records.filter(|record| record.store() != Some(store)).collect();
            kept.bytes = kept.records.iter().map(|record| record.weight()).sum();
        }
        drop(kept);
        drop(all);
    }
}
