//! The state of one emulator, and everything that a test can do to it.
//!
//! A [`World`] holds what outlives a reset: the clock, the journal, the report, snapshots and the state at the start. Everything
//! else is in its [`Memory`], which a reset replaces as a whole. A request works through a [`RequestScope`], which keeps one
//! memory from the beginning to the end of the request.

mod change;
pub(crate) mod clock;
pub(crate) mod fault;
pub(crate) mod generate;
mod invalid_document;
pub mod journal;
pub(crate) mod match_warnings;
pub(crate) mod matching;
pub(crate) mod memory;
pub(crate) mod report;
mod request_scope;
pub(crate) mod seed;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod state_document;
pub(crate) mod state_file;
pub(crate) mod strict_json;
pub(crate) mod verification;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use dashmap::DashMap;
use parking_lot::RwLock;
use serde::Deserialize;

use crate::domain::store::StoreState;
use clock::Clock;
use generate::{GenerateRequest, NoCustomer};
use invalid_document::{InvalidDocument, Mistake};
use journal::Journal;
use memory::{Memory, drop_in_background};
use report::RequestCounts;
pub(crate) use request_scope::{DryRun, RequestScope, StoreScope};
use seed::{ReadOptions, Seeded, Stores};
use settings::Settings;
use snapshot::Snapshots;
use state_document::State;
use state_file::{SaveError, StateFile};

/// Values by store id.
type ById<T> = HashMap<String, T>;

/// Values by store id, shared by many threads.
type SharedById<T> = DashMap<String, T>;

/// The state that a reset restores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResetTo {
    /// The seeds of the start.
    #[default]
    Seed,
    /// Only the declared stores with their secrets.
    Empty,
}

/// Why a state file is not restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Io(io::Error),
    #[error(transparent)]
    NoState(InvalidDocument),
}

/// The state of one emulator.
#[derive(Debug)]
pub(crate) struct World {
    pub clock: Clock,
    pub journal: Journal,
    pub report: RequestCounts,
    pub snapshots: Snapshots,
    /// The file that keeps the state between runs, if there is one.
    pub state_file: Option<StateFile>,
    /// The settings at the start.
    settings: Settings,
    /// The stores that a reset restores: from seeds and flags, and those that were declared since.
    start: RwLock<Stores>,
    /// Whether a store had a secret at the start, so that only such stores exist.
    declared_only: bool,
    memory: RwLock<Arc<Memory>>,
    /// The last epoch: each memory and each replaced store gets a new one.
    last_epoch: AtomicU64,
}

impl World {
    pub fn new(settings: Settings, clock: Clock, start: Stores) -> World {
        let declared_only = start.values().any(|store| store.credentials.secret.is_some());
        World {
            clock,
            journal: Journal::default(),
            report: RequestCounts::default(),
            snapshots: Snapshots::default(),
            state_file: None,
            memory: RwLock::new(Arc::new(Memory::new(settings, &start, declared_only, 0))),
            settings,
            start: RwLock::new(start),
            declared_only,
            last_epoch: AtomicU64::new(0),
        }
    }

    pub fn request_scope(self: &Arc<Self>) -> RequestScope {
        RequestScope::new(self.clone())
    }

    /// A warning if a store does not exist: it was not declared and not written to, and no request has named it.
    pub fn unknown_store_warning(&self, id: &str) -> Option<String> {
        let exists = self.memory().store(id).is_some() || self.report.has_store(id);
        (!exists).then(|| format!("store `{id}` does not exist; `GET /_mock/stores` lists all stores"))
    }

    pub fn memory(&self) -> Arc<Memory> {
        self.memory.read().clone()
    }

    /// The time of a store.
    pub fn store_now(&self, store: &str) -> DateTime<Utc> {
        self.clock.now() + self.clock.offset(store)
    }

    fn next_epoch(&self) -> u64 {
        self.last_epoch.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Resets customers, events, tokens, rate limit windows, settings and faults: of one store, or of all. The clock, the journal,
    /// the report and snapshots stay.
    ///
    /// The state at the start replaces the present one; copying it costs next to nothing. A request that is in progress works on
    /// the replaced state, if it has found its store, and its write is lost. Older cursors are invalid, since the epoch changes.
    pub fn reset(&self, store: Option<&str>, to: ResetTo) {
        let initial = |state: &StoreState| match to {
            ResetTo::Seed => state.clone(),
            ResetTo::Empty => StoreState::with_secret(state.credentials.secret.clone()),
        };
        let start = self.start.read();
        match store {
            Some(id) => {
                let memory = self.memory();
                memory.set_overrides(Some(id), Default::default());
                memory.faults.clear(Some(id));
                // A reset creates no store: a mistyped id must not appear in the list of stores.
                if start.contains_key(id) || memory.store(id).is_some() {
                    let state = start.get(id).map(initial).unwrap_or_default();
                    memory.replace_store(id, state, self.next_epoch());
                } else {
                    memory.windows.lock().remove(id);
                }
            }
            None => {
                let stores = start.iter().map(|(id, state)| (id.clone(), initial(state))).collect();
                self.replace_memory(Memory::new(self.settings, &stores, self.declared_only, self.next_epoch()));
            }
        }
    }

    fn replace_memory(&self, memory: Memory) {
        let old = std::mem::replace(&mut *self.memory.write(), Arc::new(memory));
        drop_in_background(old);
    }

    /// The whole state, except for the journal and the report.
    pub fn state(&self) -> State {
        State { memory: self.memory().state(|store| self.store_now(store)), clock: Some(self.clock.state()) }
    }

    /// Replaces the state, the time included. Cursors from before are invalid, and writes of requests in progress are lost.
    pub fn restore(&self, state: State) {
        if let Some(clock) = &state.clock {
            self.clock.restore(clock);
        }
        self.replace_memory(Memory::restore(self.settings, state.memory, self.next_epoch()));
    }

    /// Replaces the state of one store, its time included.
    ///
    /// # Errors
    ///
    /// If the state does not have the store. Then nothing is changed.
    pub fn restore_store(&self, id: &str, state: State) -> Result<(), InvalidDocument> {
        let mut state = state.of_store(id);
        let store = state.memory.stores.remove(id);
        let store = store.ok_or_else(|| Mistake::MissingStore { store: id.to_owned() })?;
        let memory = self.memory();
        if let Some(clock) = &state.clock {
            let offset = clock.offsets.get(id).copied().unwrap_or_default();
            self.clock.restore_offset(id, offset);
        }
        memory.set_overrides(Some(id), state.memory.store_overrides.remove(id).unwrap_or_default());
        memory.faults.restore_store(id, state.memory.faults);
        memory.replace_store(id, store, self.next_epoch());
        memory.windows.lock().extend(state.memory.windows);
        Ok(())
    }

    /// Replaces the state by that of a document: of all stores, or of one.
    ///
    /// # Errors
    ///
    /// The mistakes in the document. Then nothing is changed.
    pub fn restore_document(&self, store: Option<&str>, text: &str) -> Result<(), InvalidDocument> {
        let state = state_document::read(text, &self.clock)?;
        match store {
            None => self.restore(state),
            Some(id) => self.restore_store(id, state)?,
        }
        Ok(())
    }

    /// The secret of a store, if it has one. A store that does not exist is declared with the given secret, and a reset keeps it.
    pub fn secret_or_declare(&self, id: &str, secret: impl FnOnce() -> String) -> Option<String> {
        // Locked throughout, so that only one of two concurrent calls declares the store.
        let mut start = self.start.write();
        let memory = self.memory();
        if let Some(store) = memory.store(id) {
            return store.state.lock().credentials.secret.clone();
        }
        let secret = secret();
        start.insert(id.to_owned(), StoreState::with_secret(Some(secret.clone())));
        memory.get_or_create_store(id).state.lock().credentials.secret = Some(secret.clone());
        Some(secret)
    }

    /// Restores the state from the file, if it exists; [`save`](World::save) will write to it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a valid state.
    pub fn open_state_file(&mut self, file: StateFile) -> Result<(), ReadError> {
        if let Some(text) = file.read().map_err(ReadError::Io)? {
            self.restore_document(None, &text).map_err(ReadError::NoState)?;
        }
        self.state_file = Some(file);
        Ok(())
    }

    /// Saves the state in its file, atomically. Returns the length in bytes; `None` without a state file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. Then it is unchanged.
    pub fn save(&self) -> Option<Result<u64, SaveError>> {
        Some(self.state_file.as_ref()?.write(|| self.state()))
    }

    /// Adds the content of a seed, in one step. Returns the counts by store.
    ///
    /// # Errors
    ///
    /// The mistakes in the seed. Then nothing is changed.
    pub fn seed(&self, text: &str) -> Result<BTreeMap<String, Seeded>, InvalidDocument> {
        self.change(&seed::store_ids(text)?, |memory, stores| {
            let seeded = seed::load(text, |store| self.read_options(memory, store), stores)?;
            let mut without_secret = stores.iter().filter(|(_, state)| state.credentials.secret.is_none());
            match without_secret.next() {
                Some((id, _)) if memory.declared_only => Err(Mistake::UnreachableStore { store: id.clone() }.into()),
                _ => Ok(seeded),
            }
        })
    }

    /// Generates customers and events and adds them to a store.
    ///
    /// # Errors
    ///
    /// If there is no customer for the events. Then nothing is changed.
    pub fn generate(&self, store: &str, request: GenerateRequest) -> Result<(), NoCustomer> {
        self.change(&BTreeSet::from([store.to_owned()]), |memory, stores| {
            let options = self.read_options(memory, store);
            generate::generate(request, options, stores.entry(store.to_owned()).or_default())
        })
    }

    fn read_options(&self, memory: &Memory, store: &str) -> ReadOptions {
        ReadOptions { validation: memory.settings(Some(store)).validation, now: self.store_now(store) }
    }

    /// Makes every accepted write of one store, or of all, visible now. Returns their number.
    pub fn settle(&self, store: Option<&str>) -> usize {
        let memory = self.memory();
        let ids = store.map_or_else(|| memory.store_ids(), |store| vec![store.to_owned()]);
        let stores = ids.iter().filter_map(|id| memory.store(id));
        stores.map(|store| store.state.lock().settle(DateTime::<Utc>::MAX_UTC)).sum()
    }

    /// Calls `read` with the state of a store now, after the writes whose delay is over are applied; `None` if it does not exist.
    pub fn with_store<T>(&self, store: &str, read: impl FnOnce(&StoreState) -> T) -> Option<T> {
        let found = self.memory().store(store)?;
        let mut state = found.state.lock();
        state.settle(self.store_now(store));
        Some(read(&state))
    }
}
