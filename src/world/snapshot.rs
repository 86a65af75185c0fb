//! Snapshots: named copies of the state, in memory. A reset keeps them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::memory::drop_in_background;
use super::state_document::State;

/// The largest number of snapshots.
pub(crate) const CAPACITY: usize = 16;

const MAX_NAME_CHARS: usize = 64;

/// Whether a text is a valid name: 1 to 64 letters, digits, `.`, `_` and `-`, but not `.` or `..`, which are steps in a path.
pub(crate) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_NAME_CHARS).contains(&text.len()) && text.bytes().all(is_allowed) && ![".", ".."].contains(&text)
}

/// A state, and the time of the emulator at which it was taken.
#[derive(Clone, Debug)]
pub(crate) struct TimedState {
    pub taken_at: DateTime<Utc>,
    pub state: State,
}

/// The result of [`Snapshots::put`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaveOutcome {
    Created,
    Replaced,
    /// Nothing was stored, since there are [`CAPACITY`] others.
    Full,
}

/// All snapshots, by name.
#[derive(Debug, Default)]
pub(crate) struct Snapshots(Mutex<BTreeMap<String, TimedState>>);

impl Snapshots {
    /// Stores a snapshot under a name; it replaces the one with the same name.
    pub fn put(&self, name: &str, snapshot: TimedState) -> SaveOutcome {
        let mut snapshots = self.0.lock();
        if snapshots.len() >= CAPACITY && !snapshots.contains_key(name) {
            return SaveOutcome::Full;
        }
        let before = snapshots.insert(name.to_owned(), snapshot);
        drop(snapshots);
        match before {
            None => SaveOutcome::Created,
            Some(old) => {
                drop_in_background(old);
                SaveOutcome::Replaced
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<TimedState> {
        self.0.lock().get(name).cloned()
    }

    /// Removes a snapshot. Returns whether it was there.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.0.lock().remove(name);
        let was_there = removed.is_some();
        if let Some(old) = removed {
            drop_in_background(old);
        }
        was_there
    }

    /// All snapshots, in the order of their names.
    pub fn all(&self) -> Vec<(String, TimedState)> {
        let snapshots = self.0.lock();
        let all = snapshots.iter().map(|(name, snapshot)| (name.clone(), snapshot.clone()));
        all.collect()
    }
}
