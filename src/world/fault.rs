//! Faults: misbehaviour of the emulated API on demand.
//!
//! A fault applies to requests with certain properties. At most one fault applies to a request: the oldest that matches it and is
//! not used up.

mod active;
mod definition;
mod effect;
mod index;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::operation::Operation;
use crate::domain::store::MAX_NUMBER;
use active::ActiveFault;
pub(crate) use definition::{Criteria, Delay, DelayRange, FaultDefinition, InvalidFault};
pub(crate) use effect::{Disconnect, Effect, may_have_body};
use index::Index;

/// The largest number of faults.
pub(crate) const CAPACITY: usize = 1000;

/// A fault that applies to a request.
#[derive(Clone, Debug)]
pub(crate) struct MatchedFault {
    pub id: u64,
    pub effect: Effect,
}

/// The parts of a request that must be read to decide which fault applies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatchInputs {
    pub bodies: bool,
}

/// All faults of one memory.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<IndexedFaults>);

#[derive(Debug, Default)]
struct IndexedFaults {
    state: FaultsState,
    /// Rebuilt after each change of the list.
    index: Index,
}

impl IndexedFaults {
    fn new(state: FaultsState) -> IndexedFaults {
        IndexedFaults { index: Index::new(&state.faults), state }
    }

    /// Changes the list.
    fn change<T>(&mut self, change: impl FnOnce(&mut FaultsState) -> T) -> T {
        let result = change(&mut self.state);
        self.index = Index::new(&self.state.faults);
        result
    }
}

/// The faults at one time, the oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "FaultsDocument", into = "FaultsDocument")]
pub(crate) struct FaultsState {
    last_id: u64,
    faults: Vec<ActiveFault>,
}

/// The faults in a state document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsDocument {
    last_id: u64,
    faults: Vec<FaultDocument>,
}

#[derive(Serialize, Deserialize)]
struct FaultDocument {
    id: u64,
    matched: u64,
    hits: u64,
    /// The state of the random number generator.
    draws_from: u64,
    #[serde(flatten)]
    definition: Map<String, Value>,
}

/// Faults of a state document that are not possible.
#[derive(Debug, thiserror::Error)]
enum InvalidFaults {
    #[error("there are more than {CAPACITY}")]
    TooMany,
    #[error("the ids must ascend to `last_id`, and no fault hits more than match: number {at} does not")]
    Counts { at: usize },
    #[error("`last_id` and each `matched` must be at most {MAX_NUMBER}")]
    TooLarge,
    #[error("number {at}: {source}")]
    Fault { at: usize, source: InvalidFault },
}

impl From<FaultsState> for FaultsDocument {
    fn from(state: FaultsState) -> FaultsDocument {
        FaultsDocument { last_id: state.last_id, faults: state.faults.iter().map(ActiveFault::to_document).collect() }
    }
}

impl TryFrom<FaultsDocument> for FaultsState {
    type Error = InvalidFaults;

    fn try_from(document: FaultsDocument) -> Result<FaultsState, InvalidFaults> {
        if document.faults.len() > CAPACITY {
            return Err(InvalidFaults::TooMany);
        }
        let last_id = document.last_id;
        if last_id > MAX_NUMBER || document.faults.iter().any(|fault| fault.matched > MAX_NUMBER) {
            return Err(InvalidFaults::TooLarge);
        }
        let mut faults: Vec<ActiveFault> = Vec::new();
        for (at, fault) in document.faults.into_iter().enumerate() {
            let previous = faults.last().map_or(0, |fault| fault.id);
            if fault.id <= previous || fault.id > last_id || fault.hits > fault.matched {
                return Err(InvalidFaults::Counts { at });
            }
            faults.push(ActiveFault::restore(fault).map_err(|source| InvalidFaults::Fault { at, source })?);
        }
        Ok(FaultsState { last_id, faults })
    }
}

impl FaultsState {
    /// The faults that apply to one store only.
    pub fn of_store(mut self, store: &str) -> FaultsState {
        self.faults.retain(|fault| fault.is_only_for(store));
        self
    }
}

impl Faults {
    /// The parts of a request that decide which fault applies to it; `None` if none can, so that such a request costs nothing.
    ///
    /// `store` is `None` if it is not known yet because the body names it.
    pub fn may_match(
        &self,
        operation: Operation,
        store: Option<&str>,
        method: &str,
        path: &str,
    ) -> Option<MatchInputs> {
        let IndexedFaults { state, index } = &*self.0.lock();
        let candidates = index.find(operation, store).into_iter().map(|position| &state.faults[position]);
        let mut candidates = candidates.filter(|fault| fault.may_match(operation, store, method, path)).peekable();
        candidates.peek()?;
        Some(MatchInputs { bodies: candidates.any(ActiveFault::needs_body) })
    }

    /// The fault that applies to a request, if any; this counts as a hit. The request is an object with the keys of `match`.
    pub fn match_fault(&self, operation: Operation, store: Option<&str>, request: &Value) -> Option<MatchedFault> {
        let IndexedFaults { state, index } = &mut *self.0.lock();
        let positions = index.find(operation, store);
        let (position, matched) = positions.into_iter().find_map(|position| {
            let matched = state.faults[position].match_request(request)?;
            Some((position, matched))
        })?;
        if state.faults[position].is_used_up() {
            *index = Index::new(&state.faults);
        }
        Some(matched)
    }

    /// Adds a fault and returns its id.
    ///
    /// # Errors
    ///
    /// If the definition is not possible, or there are [`CAPACITY`] faults already.
    pub fn add(&self, definition: FaultDefinition) -> Result<u64, InvalidFault> {
        let mut fault = ActiveFault::new(0, definition)?;
        let mut faults = self.0.lock();
        if faults.state.faults.len() >= CAPACITY {
            return Err(InvalidFault::TooMany);
        }
        Ok(faults.change(|state| {
            state.last_id += 1;
            fault.id = state.last_id;
            state.faults.push(fault);
            state.last_id
        }))
    }

    /// A warning if a fault never applies, since an older one always applies to the requests that it matches.
    pub fn hidden_warning(&self, id: u64) -> Option<String> {
        let state = &self.0.lock().state;
        let fault = state.faults.iter().find(|fault| fault.id == id)?;
        let older = state.faults.iter().take_while(|older| older.id < id).find(|older| older.hides(fault))?;
        Some(format!("fault {} is older and applies to all requests that this one matches", older.id))
    }

    /// The JSON of one fault.
    pub fn get(&self, id: u64) -> Option<Value> {
        let state = &self.0.lock().state;
        let fault = state.faults.iter().find(|fault| fault.id == id);
        fault.map(ActiveFault::to_json)
    }

    /// The JSON of all faults, or of those that apply to one store only, the oldest first.
    pub fn list(&self, store: Option<&str>) -> Vec<Value> {
        self.collect(store, ActiveFault::to_json)
    }

    /// The ids of all faults, or of those that apply to one store only, the oldest first.
    pub fn ids(&self, store: Option<&str>) -> Vec<u64> {
        self.collect(store, |fault| fault.id)
    }

    fn collect<T>(&self, store: Option<&str>, value: impl Fn(&ActiveFault) -> T) -> Vec<T> {
        let state = &self.0.lock().state;
        let faults = state.faults.iter();
        let faults = faults.filter(|fault| store.is_none_or(|store| fault.is_only_for(store)));
        faults.map(value).collect()
    }

    /// Removes one fault. Returns whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        self.retain(|fault| fault.id != id) > 0
    }

    /// Removes all faults, or those that apply to one store only. Returns their number.
    pub fn clear(&self, store: Option<&str>) -> usize {
        self.retain(|fault| store.is_some_and(|store| !fault.is_only_for(store)))
    }

    fn retain(&self, is_kept: impl Fn(&ActiveFault) -> bool) -> usize {
        self.0.lock().change(|state| {
            let before = state.faults.len();
            state.faults.retain(is_kept);
            before - state.faults.len()
        })
    }

    pub fn state(&self) -> FaultsState {
        self.0.lock().state.clone()
    }

    pub fn restore(state: FaultsState) -> Faults {
        Faults(Mutex::new(IndexedFaults::new(state)))
    }

    /// Replaces the faults that apply to one store only.
    pub fn restore_store(&self, store: &str, restored: FaultsState) {
        self.0.lock().change(|state| {
            state.faults.retain(|fault| !fault.is_only_for(store));
            state.last_id = state.last_id.max(restored.last_id);
            state.faults.extend(restored.faults);
            state.faults.sort_unstable_by_key(|fault| fault.id);
            state.faults.dedup_by_key(|fault| fault.id);
        });
    }
}
