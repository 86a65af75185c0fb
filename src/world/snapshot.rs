//! Snapshots: named states, kept in memory. They outlive a reset.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::memory::drop_in_background;
use super::state_document::State;

/// How many snapshots are kept at a time.
pub(crate) const CAPACITY: usize = 16;

/// The longest name of a snapshot.
const MAX_NAME_CHARS: usize = 64;

/// Whether a text may name a snapshot: letters, digits, `.`, `_` and `-`, at most 64 of them, that are no step in a path.
pub(crate) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(is_allowed) && ![".", ".."].contains(&text)
}

/// A state and when it was taken, by the clock of the world.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub taken_at: DateTime<Utc>,
    pub state: State,
}

/// What became of a snapshot that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaveOutcome {
    Created,
    Replaced,
    /// There are [`CAPACITY`] others: it is not kept.
    Full,
}

/// The snapshots of one world by name.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<BTreeMap<String, Snapshot>>);

impl Snapshots {
    /// Keeps a snapshot under a name, in the place of the one that had it.
    pub fn put(&self, name: &str, snapshot: Snapshot) -> SaveOutcome {
        let mut snapshots = self.0.lock();
        if snapshots.len() >= CAPACITY && !snapshots.contains_key(name) {
            return SaveOutcome::Full;
        }
        let before = snapshots.insert(name.to_owned(), snapshot);
        drop(snapshots);
        match before {
            None => SaveOutcome::Created,
            Some(forgotten) => {
                drop_in_background(forgotten);
                SaveOutcome::Replaced
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<Snapshot> {
        self.0.lock().get(name).cloned()
    }

    /// Forgets a snapshot; tells whether it was there.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.0.lock().remove(name);
        let was_there = removed.is_some();
        if let Some(forgotten) = removed {
            drop_in_background(forgotten);
        }
        was_there
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<(String, Snapshot)> {
        let snapshots = self.0.lock();
        let all = snapshots
            .iter()
            .map(|(name, snapshot)| (name.clone(), snapshot.clone()));
        all.collect()
    }
}
