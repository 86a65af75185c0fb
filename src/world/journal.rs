//! The journal: what was asked and what was answered, newest last.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rule::Rule;

/// How many requests the journal keeps; older ones are forgotten.
pub const CAPACITY: usize = 1000;

/// The longest method, path or store id that the journal keeps, in bytes; what is longer is cut.
const MAX_TEXT_BYTES: usize = 512;

/// A text as the journal keeps it.
pub(crate) fn cut(text: String) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    // A text of its own: a truncated one would keep the room that the whole took.
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}

/// One request to the vendor's surface, as it was answered. Neither query nor bodies are kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its place in the journal, counted from one, as the header `X-Yotpo-Mock-Request` tells it.
    pub number: u64,
    /// When it arrived, by the mock's clock.
    pub at: DateTime<Utc>,
    /// What was asked for; `None` where the path or the method is none of the vendor's.
    pub operation: Option<Operation>,
    /// The store that was meant; `None` where the request names none.
    pub store: Option<String>,
    pub method: String,
    /// Without the query; cut after 512 bytes.
    pub path: String,
    /// What was answered; 0 where a fault left no answer.
    pub status: u16,
    /// The rules that refused it.
    pub rules: Vec<&'static Rule>,
    /// What it leaned on.
    pub notes: Vec<Note>,
    /// From the head's arrival to the answer, in real time.
    pub duration: Duration,
}

/// Counts a request as under way for as long as it lives.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<AtomicU64>);

impl UnderWay {
    fn count(counter: &Arc<AtomicU64>) -> UnderWay {
        counter.fetch_add(1, Ordering::SeqCst);
        UnderWay(counter.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A request that has its number and is not answered yet.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    journal: &'a Journal,
    pub number: u64,
    under_way: UnderWay,
}

impl Opened<'_> {
    /// Closes the entry. The request stays under way until its answer is written, too.
    pub fn close(self, entry: Entry) -> UnderWay {
        let mut entries = self.journal.entries.lock();
        let forgotten = if entries.len() == CAPACITY {
            entries.pop_front()
        } else {
            None
        };
        entries.push_back(entry);
        drop(entries);
        drop(forgotten);
        self.under_way
    }
}

/// The latest requests of one world.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    last_number: AtomicU64,
    under_way: Arc<AtomicU64>,
    /// Whether no more requests are taken.
    is_ended: AtomicBool,
    entries: Mutex<VecDeque<Entry>>,
}

impl Journal {
    /// Opens an entry: gives the request its number. `None` once the journal has [ended](Journal::end).
    pub fn open(&self) -> Option<Opened<'_>> {
        // Counted first, asked then, while a stop ends first and counts then: one of the two sees the other.
        let under_way = UnderWay::count(&self.under_way);
        if self.is_ended.load(Ordering::SeqCst) {
            return None;
        }
        Some(Opened {
            journal: self,
            number: self.last_number.fetch_add(1, Ordering::Relaxed) + 1,
            under_way,
        })
    }

    /// Takes no more requests. Those that are under way are closed as ever.
    pub fn end(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
    }

    /// How many requests are being answered, their answers written.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::SeqCst)
    }

    /// The entries that are kept, in the order in which they were closed.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().iter().cloned().collect()
    }
}
