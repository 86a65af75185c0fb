//! The middle floor: everything that one mock remembers, and the powers of a test over it.
//!
//! A [`World`] is what outlives a reset: settings, clock, journal and the state at the start. [`Memory`] is what a reset
//! replaces. Each request looks at both through one [`Call`], which holds one moment and one memory from its first
//! question to its last.

pub(crate) mod clock;
pub mod journal;
#[cfg(test)]
mod laws;
pub(crate) mod seed;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};

use crate::domain::access_token::{Standing, Token};
use crate::domain::customer::Identifiers;
use crate::domain::event::Event;
use crate::domain::note::Note;
use crate::domain::pagination::{PageRequest, Place};
use crate::domain::rate_limit::{Budget, Window};
use crate::domain::rejection::Rejection;
use crate::domain::store::{Page, StoreState, Write};
use crate::domain::validation::Terms;
use clock::Clock;
use journal::Journal;
use seed::Stores;

/// How many rate windows are kept before those that are over are swept out.
const WINDOWS_BEFORE_SWEEP: usize = 1024;

/// What a search answers that finds nothing; clients have met both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyResult {
    /// 200 with an empty list.
    #[default]
    Ok,
    /// 400 with `No results found`.
    Error,
}

/// How the vendor is taken to behave where that is a choice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// Requests per second and store; 0 is off.
    pub rate_limit: u32,
    /// How long an accepted write stays invisible to reads.
    pub visibility_delay: Duration,
    pub empty_result: EmptyResult,
    pub terms: Terms,
    /// Whether only issued tokens are valid, even of stores without a secret.
    pub issued_tokens_only: bool,
}

/// One mock's whole world.
#[derive(Debug)]
pub(crate) struct World {
    settings: Settings,
    pub clock: Clock,
    pub journal: Journal,
    /// The stores as seeds and flags declared them.
    start: Stores,
    memory: RwLock<Arc<Memory>>,
}

/// What a world remembers from one reset to the next.
///
/// Each store stands behind one lock: a write with its merge is one step, a page is one look.
#[derive(Debug)]
struct Memory {
    /// How many resets came before; cursors hold within one epoch only.
    epoch: u64,
    /// Whether only stores with a secret exist.
    declared_only: bool,
    stores: DashMap<String, Arc<Mutex<StoreState>>>,
    windows: Mutex<HashMap<String, Window>>,
}

impl Memory {
    fn new(start: &Stores, epoch: u64) -> Memory {
        Memory {
            epoch,
            declared_only: start.values().any(|store| store.credentials.secret.is_some()),
            stores: start
                .iter()
                .map(|(id, store)| (id.clone(), Arc::new(Mutex::new(store.clone()))))
                .collect(),
            windows: Mutex::default(),
        }
    }

    /// A store that is remembered.
    fn store(&self, id: &str) -> Option<Arc<Mutex<StoreState>>> {
        self.stores.get(id).map(|store| store.value().clone())
    }

    /// A store, remembered from now on.
    fn store_or_new(&self, id: &str) -> Arc<Mutex<StoreState>> {
        self.store(id)
            .unwrap_or_else(|| self.stores.entry(id.to_owned()).or_default().value().clone())
    }
}

impl World {
    pub fn new(settings: Settings, clock: Clock, start: Stores) -> World {
        let memory = RwLock::new(Arc::new(Memory::new(&start, 0)));
        World {
            settings,
            clock,
            journal: Journal::default(),
            start,
            memory,
        }
    }

    /// Looks at the world for one request.
    pub fn call(self: &Arc<Self>) -> Call {
        Call {
            world: self.clone(),
            memory: self.memory.read().clone(),
            now: self.clock.now(),
        }
    }

    /// Goes back to the state at the start. Requests that are being answered write into what is forgotten.
    pub fn reset(&self) {
        let mut memory = self.memory.write();
        let anew = Memory::new(&self.start, memory.epoch + 1);
        let forgotten = std::mem::replace(&mut *memory, Arc::new(anew));
        drop(memory);
        drop(forgotten);
    }

    /// The events of a store in the order in which they came, each with the identifiers of its customer.
    pub fn events(&self, store: &str) -> Vec<(Event, Identifiers)> {
        let now = self.clock.now();
        let Some(store) = self.memory.read().store(store) else {
            return Vec::new();
        };
        let mut store = store.lock();
        store.settle(now);
        store
            .events()
            .map(|(event, customer)| (event.clone(), customer))
            .collect()
    }
}

/// One request's look at its world: one moment, one memory.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    world: Arc<World>,
    memory: Arc<Memory>,
    pub now: DateTime<Utc>,
}

impl Call {
    pub fn settings(&self) -> &Settings {
        &self.world.settings
    }

    /// Where and when a cursor that is given to this call holds.
    pub fn place<'a>(&self, store: &'a str) -> Place<'a> {
        Place {
            store,
            epoch: self.memory.epoch,
        }
    }

    /// Judges the token that came with a request for a store.
    ///
    /// Gives what the client leaned on, if anything.
    ///
    /// # Errors
    ///
    /// The reason why the token does not open the store.
    pub fn check_token(&self, store: &str, token: Option<&str>) -> Result<Option<Note>, Rejection> {
        let text = token.filter(|text| !text.is_empty()).ok_or(Rejection::MissingToken)?;
        if let Some(token) = Token::parse(text) {
            let issuer = self.memory.store(&token.store);
            let standing = issuer.map(|issuer| issuer.lock().credentials.standing(token.number, self.now));
            match standing {
                Some(Standing::Valid) if token.store == store => return Ok(None),
                Some(Standing::Expired) if token.store == store => return Err(Rejection::ExpiredToken),
                Some(Standing::Valid | Standing::Expired) => return Err(Rejection::TokenOfAnotherStore),
                Some(Standing::NeverIssued) | None => {}
            }
        }
        if self.world.settings.issued_tokens_only || self.memory.declared_only || self.has_secret(store) {
            return Err(Rejection::UnknownToken);
        }
        Ok(Some(Note::TokenUndeclared))
    }

    /// Judges whether a token call is for a store that exists.
    ///
    /// # Errors
    ///
    /// [`Rejection::UnknownStore`], if stores are declared and this one is not.
    pub fn check_store(&self, store: &str) -> Result<(), Rejection> {
        if self.memory.declared_only && !self.has_secret(store) {
            return Err(Rejection::UnknownStore);
        }
        Ok(())
    }

    /// Judges the secret that came with a token call for a store.
    ///
    /// # Errors
    ///
    /// [`Rejection::WrongSecret`].
    pub fn check_secret(&self, store: &str, secret: Option<&str>) -> Result<(), Rejection> {
        let secret = secret.ok_or(Rejection::WrongSecret)?;
        let accepted = match self.memory.store(store) {
            Some(known) => known.lock().credentials.accept(secret),
            None => StoreState::default().credentials.accept(secret),
        };
        accepted.then_some(()).ok_or(Rejection::WrongSecret)
    }

    fn has_secret(&self, store: &str) -> bool {
        self.memory
            .store(store)
            .is_some_and(|store| store.lock().credentials.secret.is_some())
    }

    /// Issues the store's next token.
    pub fn issue_token(&self, store: &str) -> String {
        let number = self.memory.store_or_new(store).lock().credentials.issue(self.now);
        Token {
            store: store.to_owned(),
            number,
        }
        .text()
    }

    /// Counts a request against the store's rate limit.
    ///
    /// # Errors
    ///
    /// The exhausted budget, if the limit was reached before.
    pub fn count(&self, store: &str) -> Result<Budget, Budget> {
        let limit = self.world.settings.rate_limit;
        if limit == 0 {
            return Ok(Budget::untouched(limit));
        }
        let mut windows = self.memory.windows.lock();
        if windows.len() >= WINDOWS_BEFORE_SWEEP && !windows.contains_key(store) {
            windows.retain(|_, window| !window.is_over(self.now));
        }
        windows
            .entry(store.to_owned())
            .or_insert_with(|| Window::open(self.now))
            .count(limit, self.now)
    }

    /// What is left of a store's rate limit, without counting; untouched where no store is meant.
    pub fn budget(&self, store: Option<&str>) -> Budget {
        let limit = self.world.settings.rate_limit;
        let windows = self.memory.windows.lock();
        match store.and_then(|store| windows.get(store)) {
            Some(window) => window.budget(limit, self.now),
            None => Budget::untouched(limit),
        }
    }

    /// Accepts a write; it shows in reads once the visibility delay is over.
    pub fn accept(&self, store: &str, write: Write) {
        // A delay beyond what the calendar can tell is never over.
        let visible_at = TimeDelta::from_std(self.world.settings.visibility_delay)
            .ok()
            .and_then(|delay| self.now.checked_add_signed(delay))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.memory
            .store_or_new(store)
            .lock()
            .accept(write, visible_at, self.now);
    }

    /// The customers of one page.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoResults`] where nothing is found and that is how the vendor is taken to answer.
    pub fn page(&self, store: &str, request: &PageRequest) -> Result<Page, Rejection> {
        let page = match self.memory.store(store) {
            Some(store) => {
                let mut store = store.lock();
                store.settle(self.now);
                store.page(request)
            }
            None => StoreState::default().page(request),
        };
        let nothing_found = page.customers.is_empty() && request.after == 0;
        if nothing_found && self.world.settings.empty_result == EmptyResult::Error {
            return Err(Rejection::NoResults);
        }
        Ok(page)
    }
}
