//! Changing several stores in one step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::World;
use super::memory::{LockedStore, Memory};
use super::seed::Stores;
use crate::domain::store::StoreState;

impl World {
    /// Changes several stores, all or none of them, and loses no write that is accepted meanwhile.
    ///
    /// The stores are locked in the order of their ids, so that two changes cannot wait for each other, and `change` works on
    /// copies: on an error they are dropped, and nothing has changed. A store that does not exist yet is created on success.
    pub(super) fn change<T, E>(
        &self,
        ids: &BTreeSet<String>,
        change: impl Fn(&Memory, &mut Stores) -> Result<T, E>,
    ) -> Result<T, E> {
        loop {
            let memory = self.memory();
            let known = memory.known_stores(ids);
            let mut locked = lock_all(&known);
            for (id, state) in &mut locked {
                state.settle(self.store_now(id));
            }
            let copies = locked.iter().map(|(id, state)| ((*id).to_owned(), StoreState::clone(state)));
            let mut stores = copies.collect();
            let result = change(&memory, &mut stores)?;
            let (new, changed): (Stores, Stores) =
                stores.into_iter().partition(|(id, _)| !locked.contains_key(id.as_str()));
            // If a request has created one of the new stores meanwhile, the change starts again with that store locked.
            if memory.create_stores(new) {
                for (id, state) in changed {
                    **locked.get_mut(id.as_str()).expect("the others are new") = state;
                }
                return Ok(result);
            }
        }
    }
}

fn lock_all<'a>(stores: &'a [(&'a str, Arc<LockedStore>)]) -> BTreeMap<&'a str, MutexGuard<'a, StoreState>> {
    stores.iter().map(|(id, store)| (*id, store.state.lock())).collect()
}
