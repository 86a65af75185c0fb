//! The entries that the journal holds: the latest of each store.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Entry, JournalLimits};

/// This many stores have a queue of their own; further stores share one, so that clients cannot create any number of queues.
const MAX_STORES: usize = 1000;

/// The entries of all stores. A store with many requests evicts its own, not those of another store.
#[derive(Debug, Default)]
pub(super) struct RecentEntries {
    by_store: HashMap<Box<str>, Queue>,
    /// Requests that name no store, and those of stores beyond [`MAX_STORES`].
    others: Queue,
    /// The total size of the entries.
    bytes: usize,
    /// The number of entries that were added.
    added: u64,
}

/// Entries in the order in which they were closed, each with its position in that order among those of all queues.
#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<(u64, Arc<Entry>)>,
    bytes: usize,
    /// The highest number that was evicted.
    last_evicted: u64,
}

impl Queue {
    fn evict(&mut self) -> Option<Arc<Entry>> {
        let (_, oldest) = self.entries.pop_front()?;
        self.bytes -= oldest.memory_bytes();
        self.last_evicted = self.last_evicted.max(oldest.number);
        Some(oldest)
    }
}

impl RecentEntries {
    /// Adds an entry and returns those that were evicted to make room.
    ///
    /// Beyond the number of entries, the oldest of the same store go; beyond the total size, the oldest of the store that needs
    /// the most memory.
    pub fn push(&mut self, entry: Arc<Entry>, limits: JournalLimits) -> Vec<Arc<Entry>> {
        let bytes = entry.memory_bytes();
        self.added += 1;
        let newest = self.added;
        let queue = match entry.store() {
            // Two lookups avoid an allocation for each request.
            Some(store) if self.by_store.contains_key(store) => {
                self.by_store.get_mut(store).expect("it was just found")
            }
            Some(store) if self.by_store.len() < MAX_STORES => self.by_store.entry(store.into()).or_default(),
            _ => &mut self.others,
        };
        queue.entries.push_back((newest, entry));
        queue.bytes += bytes;
        self.bytes += bytes;
        let mut evicted = Vec::new();
        while queue.entries.len() > limits.entries {
            evicted.extend(queue.evict());
        }
        self.bytes -= evicted.iter().map(|entry| entry.memory_bytes()).sum::<usize>();
        while self.bytes > limits.bytes {
            let evictable = self.queues_mut().filter(|queue| queue.entries.front().is_some_and(|(at, _)| *at < newest));
            let largest =
                evictable.max_by_key(|queue| (queue.bytes, Reverse(queue.entries.front().map(|(at, _)| *at))));
            let Some(entry) = largest.and_then(Queue::evict) else { break };
            self.bytes -= entry.memory_bytes();
            evicted.push(entry);
        }
        evicted
    }

    /// All entries in the order in which they were closed.
    pub fn in_order(&self) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> = self.queues().flat_map(|queue| &queue.entries).collect();
        entries.sort_unstable_by_key(|(at, _)| *at);
        entries.into_iter().map(|(_, entry)| entry.clone()).collect()
    }

    pub fn find(&self, number: u64) -> Option<Arc<Entry>> {
        let mut entries = self.queues().flat_map(|queue| &queue.entries);
        entries.find(|(_, entry)| entry.number == number).map(|(_, entry)| entry.clone())
    }

    /// The highest number that was evicted, of one store or of all.
    pub fn last_evicted(&self, store: Option<&str>) -> u64 {
        match store {
            Some(store) => match self.by_store.get(store) {
                Some(queue) => queue.last_evicted,
                None if self.by_store.len() < MAX_STORES => 0,
                None => self.others.last_evicted,
            },
            None => self.queues().map(|queue| queue.last_evicted).max().unwrap_or(0),
        }
    }

    /// Removes the entries of a store.
    pub fn clear_store(&mut self, store: &str) {
        match self.by_store.get_mut(store) {
            // The queue stays, since a store must not change queues while the shared one can have entries of it.
            Some(queue) => *queue = Queue::default(),
            None => {
                self.others.entries.retain(|(_, entry)| entry.store() != Some(store));
                self.others.bytes = self.others.entries.iter().map(|(_, entry)| entry.memory_bytes()).sum();
            }
        }
        self.bytes = self.queues().map(|queue| queue.bytes).sum();
    }

    fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.by_store.values().chain([&self.others])
    }

    fn queues_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.by_store.values_mut().chain([&mut self.others])
    }
}
