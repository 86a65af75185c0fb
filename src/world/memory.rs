//! Memory: everything that a world keeps from one reset to the next.

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

/// Everything that a reset replaces.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The epoch of stores that do not exist yet; each memory of a world has another one.
    pub epoch: u64,
    /// Whether only stores with a secret exist.
    pub declared_only: bool,
    /// The settings at the start.
    settings: Settings,
    /// What overrides them: for all stores, and for single stores.
    overrides: RwLock<SettingsOverrides>,
    store_overrides: SharedById<SettingsOverrides>,
    stores: SharedById<Arc<LockedStore>>,
    /// Held while stores are created.
    creation: Mutex<()>,
    pub faults: Faults,
    /// The rate limit windows, by store.
    pub windows: Mutex<ById<Window>>,
}

/// One store behind one lock, so that a write with its merge is one step, and a page shows one state.
#[derive(Debug)]
pub(crate) struct LockedStore {
    /// Cursors are valid within one epoch only.
    pub epoch: u64,
    pub state: Mutex<StoreState>,
}

impl LockedStore {
    fn new(epoch: u64, state: StoreState) -> LockedStore {
        LockedStore { epoch, state: Mutex::new(state) }
    }
}

/// The content of a memory at one time, to be restored later. A copy costs next to nothing for any size.
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
    pub fn new(settings: Settings, start: &Stores, declared_only: bool, epoch: u64) -> Memory {
        let store = |state: &StoreState| Arc::new(LockedStore::new(epoch, state.clone()));
        Memory {
            epoch,
            declared_only,
            settings,
            overrides: RwLock::default(),
            store_overrides: SharedById::default(),
            creation: Mutex::default(),
            stores: start.iter().map(|(id, state)| (id.clone(), store(state))).collect(),
            faults: Faults::default(),
            windows: Mutex::default(),
        }
    }

    /// A memory with the content of another one.
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

    /// The content now. `store_now` returns the time of a store, up to which its pending writes are applied.
    pub fn state(&self, store_now: impl Fn(&str) -> DateTime<Utc>) -> MemoryState {
        let copy = |id: String| {
            let store = self.store(&id)?;
            let mut state = store.state.lock();
            state.settle(store_now(&id));
            Some((id, state.clone()))
        };
        let windows = self.windows.lock().clone();
        let overrides = self.store_overrides.iter();
        MemoryState {
            declared_only: self.declared_only,
            overrides: self.overrides.read().clone(),
            store_overrides: overrides.map(|entry| (entry.key().clone(), entry.value().clone())).collect(),
            faults: self.faults.state(),
            windows: windows.into_iter().filter(|(id, window)| !window.is_over(store_now(id))).collect(),
            stores: self.store_ids().into_iter().filter_map(copy).collect(),
        }
    }

    /// A store, if it exists.
    pub fn store(&self, id: &str) -> Option<Arc<LockedStore>> {
        self.stores.get(id).map(|store| store.value().clone())
    }

    /// Those of several stores that exist, in the order of their ids.
    pub fn known_stores<'a>(&self, ids: &'a BTreeSet<String>) -> Vec<(&'a str, Arc<LockedStore>)> {
        ids.iter().filter_map(|id| Some((id.as_str(), self.store(id)?))).collect()
    }

    pub fn get_or_create_store(&self, id: &str) -> Arc<LockedStore> {
        self.store(id).unwrap_or_else(|| {
            let _creation = self.creation.lock();
            let create = || Arc::new(LockedStore::new(self.epoch, StoreState::default()));
            self.stores.entry(id.to_owned()).or_insert_with(create).value().clone()
        })
    }

    /// Creates several stores, all or none: none if one of them exists. Returns whether it did.
    pub fn create_stores(&self, states: Stores) -> bool {
        let _creation = self.creation.lock();
        if states.keys().any(|id| self.stores.contains_key(id)) {
            return false;
        }
        for (id, state) in states {
            self.stores.insert(id, Arc::new(LockedStore::new(self.epoch, state)));
        }
        true
    }

    /// Replaces a store, or creates it.
    pub fn replace_store(&self, id: &str, state: StoreState, epoch: u64) {
        let creation = self.creation.lock();
        let old = self.stores.insert(id.to_owned(), Arc::new(LockedStore::new(epoch, state)));
        drop(creation);
        drop_in_background(old);
        self.windows.lock().remove(id);
    }

    /// The ids of all stores, in order.
    pub fn store_ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.stores.iter().map(|store| store.key().clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// The settings in effect, for all stores or for one.
    pub fn settings(&self, store: Option<&str>) -> Settings {
        let settings = self.overrides.read().apply_to(self.settings);
        match store.and_then(|store| self.store_overrides.get(store)) {
            Some(overrides) => overrides.apply_to(settings),
            None => settings,
        }
    }

    /// The overrides for all stores, or for one.
    pub fn overrides(&self, store: Option<&str>) -> SettingsOverrides {
        match store {
            None => self.overrides.read().clone(),
            Some(store) => self.store_overrides.get(store).map(|overrides| overrides.clone()).unwrap_or_default(),
        }
    }

    /// Replaces the overrides for all stores, or for one.
    pub fn set_overrides(&self, store: Option<&str>, overrides: SettingsOverrides) {
        match store {
            None => *self.overrides.write() = overrides,
            Some(store) if overrides == SettingsOverrides::default() => {
                self.store_overrides.remove(store);
            }
            Some(store) => {
                self.store_overrides.insert(store.to_owned(), overrides);
            }
        }
    }
}

/// Drops a large value on another thread, so that nobody waits for it.
pub(super) fn drop_in_background<T: Send + 'static>(value: T) {
    let thread = thread::Builder::new().name("yotpo-mock-drop".to_owned());
    // If no thread can be started, the value is dropped here.
    drop(thread.spawn(move || drop(value)));
}
