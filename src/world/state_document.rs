//! The state of an emulator at one time, and its JSON document.
//!
//! The document is a seed with more keys, so that a seed, `{"stores":[…]}`, can also be read as a state.
//!
//! ```text
//! {"clock":{"frozen":true,"now":"…","offsets":{"shop":{"seconds":60,"nanoseconds":0}}},      or {"frozen":false,"ahead":{…},…}
//! "declared_only":true,
//! "settings":{"all":{"rate_limit":5},"stores":{"shop":{"rate_limit":1}}},                     overrides since the start
//! "faults":{"last_id":1,"faults":[{"status":503,"id":1,"matched":2,"hits":2,"draws_from":0}]},
//! "rate_windows":{"shop":{"opened_at":"…","counted":1}},
//! "stores":[
//! {"id":"shop","secret":"…","tokens":{"forgotten":0,"expire_at":["…"]},"counters":{"customers":2,"events":1,"writes":2},"customers":[
//! {"number":1,"written":2,…}],"events":[
//! {"number":1,"customer_number":1,…}],"pending":[
//! {"request":7,"applies_at":"…","customer":{…},"event":{…}}]}]}
//! ```
//!
//! The state of one store has only its own parts: of the clock its offset, its settings, and the faults that apply to it alone.

mod read;
mod write;

use std::collections::BTreeMap;

use super::clock::ClockState;
use super::memory::MemoryState;
use super::settings::SettingsOverrides;
pub(crate) use read::read;

/// The content of a memory, and the clock. A copy costs next to nothing for any size.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub memory: MemoryState,
    /// `None` keeps the present time when the state is restored.
    pub clock: Option<ClockState>,
}

impl State {
    /// The state of one store, without the time of all stores.
    pub fn of_store(mut self, id: &str) -> State {
        fn only<T>(map: &mut BTreeMap<String, T>, id: &str) {
            map.retain(|key, _| key == id);
        }
        only(&mut self.memory.stores, id);
        only(&mut self.memory.store_overrides, id);
        only(&mut self.memory.windows, id);
        self.memory.faults = self.memory.faults.of_store(id);
        self.memory.overrides = SettingsOverrides::default();
        if let Some(clock) = &mut self.clock {
            clock.all = None;
            only(&mut clock.offsets, id);
        }
        self
    }
}
