//! Memory: what a world remembers from one reset to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};

use super::fault::{Faults, FaultsState};
use super::seed::Stores;
use super::settings::{Settings, SettingsOverrides};
use super::{ById, SharedById};
use crate::domain::rate_limit::Window;
use crate::domain::store::StoreState;

/// What a reset replaces.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Of the stores that are not remembered yet: no two memories of a world have the same.
    pub epoch: u64,
    /// Whether only stores with a secret exist.
    pub declared_only: bool,
    /// The settings at the start, and what was changed since, for all stores and for some.
    settings: Settings,
    overrides: RwLock<SettingsOverrides>,
    store_overrides: SharedById<SettingsOverrides>,
    stores: SharedById<Arc<Store>>,
    pub faults: Faults,
    pub windows: Mutex<ById<Window>>,
}

/// One store behind one lock: a write with its merge is one step, a page is one look.
#[derive(Debug)]
pub(crate) struct Store {
    /// Cursors hold within one epoch only.
    pub epoch: u64,
    pub state: Mutex<StoreState>,
}

impl Store {
    fn new(epoch: u64, state: StoreState) -> Store {
        Store {
            epoch,
            state: Mutex::new(state),
        }
    }
}

/// What a memory holds at one moment, to be put back later. A copy costs next to nothing, however large the stores are.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryState {
    pub declared_only: bool,
    pub overrides: SettingsOverrides,
    pub store_overrides: BTreeMap<String, SettingsOverrides>,
    pub faults: FaultsState,
    pub windows: BTreeMap<String, Window>,
    pub stores: Stores,
}

impl Memory {
    /// A memory that holds what another one held.
    pub fn restore(settings: Settings, state: MemoryState, epoch: u64) -> Memory {
        let memory = Memory::new(settings, &state.stores, state.declared_only, epoch);
        Memory {
            overrides: RwLock::new(state.overrides),
            store_overrides: state.store_overrides.into_iter().collect(),
            faults: Faults::restore(state.faults),
            windows: Mutex::new(state.windows.into_iter().collect()),
            ..memory
        }
    }

    /// What it holds. Each store is one look; `store_now` tells its time, so that the writes whose delay is over are applied.
    pub fn state(&self, store_now: impl Fn(&str) -> DateTime<Utc>) -> MemoryState {
        let look = |id: String| {
            let store = self.store(&id)?;
            let mut state = store.state.lock();
            state.settle(store_now(&id));
            Some((id, state.clone()))
        };
        let store_overrides = self.store_overrides.iter();
        let windows = self.windows.lock().clone();
        MemoryState {
            declared_only: self.declared_only,
            overrides: self.overrides.read().clone(),
            store_overrides: store_overrides
                .map(|of| (of.key().clone(), of.value().clone()))
                .collect(),
            faults: self.faults.state(),
            windows: windows
                .into_iter()
                .filter(|(id, window)| !window.is_over(store_now(id)))
                .collect(),
            stores: self.store_ids().into_iter().filter_map(look).collect(),
        }
    }

    pub fn new(settings: Settings, start: &Stores, declared_only: bool, epoch: u64) -> Memory {
        let store = |state: &StoreState| Arc::new(Store::new(epoch, state.clone()));
        Memory {
            epoch,
            declared_only,
            settings,
            overrides: RwLock::default(),
            store_overrides: SharedById::default(),
            stores: start.iter().map(|(id, state)| (id.clone(), store(state))).collect(),
            faults: Faults::default(),
            windows: Mutex::default(),
        }
    }

    /// A store that is remembered.
    pub fn store(&self, id: &str) -> Option<Arc<Store>> {
        self.stores.get(id).map(|store| store.value().clone())
    }

    /// Those of several stores that are remembered.
    pub fn known<'a>(&self, ids: &'a BTreeSet<String>) -> Vec<(&'a str, Arc<Store>)> {
        ids.iter()
            .filter_map(|id| Some((id.as_str(), self.store(id)?)))
            .collect()
    }

    /// A store, remembered from now on.
    pub fn store_or_new(&self, id: &str) -> Arc<Store> {
        let anew = || Arc::new(Store::new(self.epoch, StoreState::default()));
        self.store(id)
            .unwrap_or_else(|| self.stores.entry(id.to_owned()).or_insert_with(anew).value().clone())
    }

    /// Puts a state in the place of a store's.
    pub fn put_store(&self, id: &str, state: StoreState, epoch: u64) {
        let store = Store::new(epoch, state);
        if let Some(forgotten) = self.stores.insert(id.to_owned(), Arc::new(store)) {
            drop_in_background(forgotten);
        }
        self.windows.lock().remove(id);
    }

    /// The ids of the stores that are remembered, in order.
    pub fn store_ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.stores.iter().map(|store| store.key().clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// The settings of all stores, or of one.
    pub fn settings(&self, store: Option<&str>) -> Settings {
        let settings = self.overrides.read().apply_to(self.settings);
        match store.and_then(|store| self.store_overrides.get(store)) {
            Some(changes) => changes.apply_to(settings),
            None => settings,
        }
    }

    /// What differs from the start for all stores, or from all stores for one.
    pub fn overrides(&self, store: Option<&str>) -> SettingsOverrides {
        match store {
            None => self.overrides.read().clone(),
            Some(store) => self
                .store_overrides
                .get(store)
                .map(|changes| changes.clone())
                .unwrap_or_default(),
        }
    }

    /// Puts other changes in the place of those.
    pub fn set_overrides(&self, store: Option<&str>, changes: SettingsOverrides) {
        match store {
            None => *self.overrides.write() = changes,
            Some(store) if changes == SettingsOverrides::default() => {
                self.store_overrides.remove(store);
            }
            Some(store) => {
                self.store_overrides.insert(store.to_owned(), changes);
            }
        }
    }
}

/// Drops a large value on a thread of its own, so that no request waits for it.
pub(super) fn drop_in_background<T: Send + 'static>(value: T) {
    let thread = thread::Builder::new().name("yotpo-mock-drop".to_owned());
    // If no thread can be started, the value is dropped here.
    drop(thread.spawn(move || drop(value)));
}
