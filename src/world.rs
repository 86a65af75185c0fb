//! The middle floor: everything that one mock remembers, and the powers of a test over it.
//!
//! A [`World`] is what outlives a reset: clock, journal, report and the state at the start. [`Memory`] is what a reset replaces. Each
//! request looks at both through one [`RequestScope`], which holds one moment and one memory from its first question to its last, and
//! through a [`StoreScope`] once it is known which store is meant.

pub(crate) mod clock;
pub(crate) mod fault;
pub(crate) mod generate;
pub mod journal;
pub(crate) mod matching;
pub(crate) mod memory;
#[cfg(test)]
mod properties;
pub(crate) mod report;
pub(crate) mod seed;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod state_document;
pub(crate) mod state_file;
pub(crate) mod strict_json;
pub(crate) mod text;
pub(crate) mod verification;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use dashmap::DashMap;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard, RwLock};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::access_token::{Token, TokenStatus};
use crate::domain::json::Json;
use crate::domain::note::Note;
use crate::domain::page::Page;
use crate::domain::pagination::{CursorScope, PageRequest};
use crate::domain::profile::Profile;
use crate::domain::rate_limit::{RateLimitStatus, Window};
use crate::domain::rejection::Rejection;
use crate::domain::store::{Origin, Outcome, StoreState, Write};
use crate::domain::validation::{Diagnostics, read_customer, read_event};
use clock::Clock;
use fault::Faults;
use generate::GenerateRequest;
use journal::Journal;
use memory::{Memory, Store, drop_in_background};
use report::RequestCounts;
use seed::{ReadOptions, Seeded, Stores};
use settings::{EmptyResult, Settings};
use snapshot::Snapshots;
use state_document::State;
use state_file::StateFile;

/// What is known of some stores, by their ids.
type ById<T> = HashMap<String, T, RandomState>;

/// The same, for many threads at once.
type SharedById<T> = DashMap<String, T, RandomState>;

/// How many rate windows are kept before those that are over are swept out.
const WINDOWS_BEFORE_SWEEP: usize = 1024;

/// How often a change of stores is tried with nobody waiting for it, before the stores are held.
const TRIES_UNHELD: usize = 3;

/// What a reset goes back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResetTo {
    /// The seeds of the start.
    #[default]
    Seed,
    /// Nothing but the stores that were declared, with their secrets.
    Empty,
}

/// Why a state file is not put back.
#[derive(Debug)]
pub(crate) enum ReadError {
    Io(io::Error),
    /// What is wrong with what it says.
    NoState(String),
}

/// One mock's whole world.
#[derive(Debug)]
pub(crate) struct World {
    pub clock: Clock,
    pub journal: Journal,
    pub report: RequestCounts,
    pub snapshots: Snapshots,
    /// Where the state outlives the process, if it does.
    pub state_file: Option<StateFile>,
    /// The settings, and the stores as seeds and flags declared them, or a test since.
    settings: Settings,
    start: RwLock<Stores>,
    /// Whether a store had a secret at the start, so that only such stores exist.
    declared_only: bool,
    memory: RwLock<Arc<Memory>>,
    /// Held by who changes several stores in one step: nobody else holds more than one store at a time.
    changing: Mutex<()>,
    /// How many epochs there were: one for each memory and for each store that was replaced.
    epochs: AtomicU64,
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
            changing: Mutex::default(),
            epochs: AtomicU64::new(0),
        }
    }

    /// Looks at the world for one request.
    pub fn request_scope(self: &Arc<Self>) -> RequestScope {
        RequestScope {
            world: self.clone(),
            memory: self.memory(),
            now: self.clock.now(),
        }
    }

    /// What is remembered now.
    pub fn memory(&self) -> Arc<Memory> {
        self.memory.read().clone()
    }

    /// The time of a store.
    pub fn store_now(&self, store: &str) -> DateTime<Utc> {
        self.clock.now() + self.clock.offset(store)
    }

    fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Goes back to the start: customers, events, tokens, rate windows, settings and faults; of one store, or of all. Journal,
    /// report and time stay. Requests that are being answered write into what is forgotten.
    pub fn reset(&self, store: Option<&str>, to: ResetTo) {
        let of_start = |state: &StoreState| match to {
            ResetTo::Seed => state.clone(),
            ResetTo::Empty => StoreState::with_secret(state.credentials.secret.clone()),
        };
        match store {
            Some(id) => {
                let memory = self.memory();
                memory.set_overrides(Some(id), Default::default());
                memory.faults.clear(Some(id));
                let state = self.start.read().get(id).map(of_start).unwrap_or_default();
                memory.put_store(id, state, self.next_epoch());
            }
            None => {
                let start = self.start.read();
                let emptied: Stores;
                let stores = match to {
                    ResetTo::Seed => &*start,
                    ResetTo::Empty => {
                        emptied = start.iter().map(|(id, state)| (id.clone(), of_start(state))).collect();
                        &emptied
                    }
                };
                let anew = Memory::new(self.settings, stores, self.declared_only, self.next_epoch());
                let forgotten = std::mem::replace(&mut *self.memory.write(), Arc::new(anew));
                drop_in_background(forgotten);
            }
        }
    }

    /// Everything that a test could see of this world, journal and request numbers apart.
    pub fn state(&self) -> State {
        State {
            memory: self.memory().state(|store| self.store_now(store)),
            clock: Some(self.clock.state()),
        }
    }

    /// Puts a state in the place of what is there, the time included. Cursors from before are refused, and requests that are
    /// being answered write into what is forgotten.
    pub fn restore(&self, state: State) {
        if let Some(clock) = &state.clock {
            self.clock.restore(clock);
        }
        let anew = Memory::restore(self.settings, state.memory, self.next_epoch());
        let forgotten = std::mem::replace(&mut *self.memory.write(), Arc::new(anew));
        drop_in_background(forgotten);
    }

    /// Puts a state in the place of what is there of one store, its time included.
    ///
    /// # Errors
    ///
    /// If the state tells nothing of it. Then nothing is changed.
    pub fn restore_store(&self, id: &str, state: State) -> Result<(), String> {
        let mut state = state.of_store(id);
        let put = state.memory.stores.remove(id);
        let put = put.ok_or_else(|| format!("it tells nothing of store `{id}`"))?;
        let memory = self.memory();
        if let Some(clock) = &state.clock {
            let offset = clock.offsets.get(id).copied().unwrap_or_default();
            self.clock.restore_offset(id, offset);
        }
        memory.set_overrides(Some(id), state.memory.store_overrides.remove(id).unwrap_or_default());
        memory.faults.restore_store(id, state.memory.faults);
        memory.put_store(id, put, self.next_epoch());
        memory.windows.lock().extend(state.memory.windows);
        Ok(())
    }

    /// Puts the state that a document tells in the place of what is there: of all stores, or of one.
    ///
    /// # Errors
    ///
    /// What is wrong with the document. Then nothing is changed.
    pub fn restore_document(&self, store: Option<&str>, text: &str) -> Result<(), String> {
        let state = state_document::read(text, &self.clock)?;
        match store {
            None => self.restore(state),
            Some(id) => self.restore_store(id, state)?,
        }
        Ok(())
    }

    /// The secret of a store, if it has one. A store that is not remembered yet is declared with a secret, as if it had been at
    /// the start; whether others must be declared stays as it is.
    pub fn secret_or_declare(&self, id: &str, secret: impl FnOnce() -> String) -> Option<String> {
        // Held throughout, so that of two who ask at once one declares.
        let mut start = self.start.write();
        let memory = self.memory();
        if let Some(store) = memory.store(id) {
            return store.state.lock().credentials.secret.clone();
        }
        let secret = secret();
        start.insert(id.to_owned(), StoreState::with_secret(Some(secret.clone())));
        memory.store_or_new(id).state.lock().credentials.secret = Some(secret.clone());
        Some(secret)
    }

    /// Puts back what the state file says, if there is one; from now on the state is saved there.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is no state.
    pub fn open_state_file(&mut self, file: StateFile) -> Result<(), ReadError> {
        if let Some(text) = file.read().map_err(ReadError::Io)? {
            self.restore_document(None, &text).map_err(ReadError::NoState)?;
        }
        self.state_file = Some(file);
        Ok(())
    }

    /// Saves the state in its file, whole or not at all; gives the length in bytes, `None` if there is no file to save it in.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then it is as it was.
    pub fn save(&self) -> Option<io::Result<u64>> {
        Some(self.state_file.as_ref()?.write(|| self.state()))
    }

    /// Adds what a seed says, in one step; tells what that did to each store.
    ///
    /// # Errors
    ///
    /// What is wrong with the seed. Then nothing is changed.
    pub fn seed(&self, text: &str) -> Result<BTreeMap<String, Seeded>, String> {
        self.change(&seed::store_ids(text)?, |memory, stores| {
            let read_options = |store: &str| ReadOptions {
                validation: memory.settings(Some(store)).validation,
                now: self.store_now(store),
            };
            seed::load(text, read_options, stores)
        })
    }

    /// Generates customers and events of a store and appends them.
    ///
    /// # Errors
    ///
    /// Why there can be no events. Then nothing is changed.
    pub fn generate(&self, store: &str, order: GenerateRequest) -> Result<(), String> {
        self.change(&BTreeSet::from([store.to_owned()]), |memory, stores| {
            let read_options = ReadOptions {
                validation: memory.settings(Some(store)).validation,
                now: self.store_now(store),
            };
            generate::generate(order, read_options, stores.entry(store.to_owned()).or_default())
        })
    }

    /// Changes several stores in one step, or none of them, and loses no write that is accepted meanwhile.
    ///
    /// The change is made on copies while nobody waits, and once more where a store is no longer as it was copied. Stores that
    /// are written to without a pause are held at last, so that it ends.
    fn change<T, E>(
        &self,
        ids: &BTreeSet<String>,
        change: impl Fn(&Memory, &mut Stores) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..TRIES_UNHELD {
            let copy = |id: &String| Some((id.clone(), self.with_store(id, StoreState::clone)?));
            let before: Stores = ids.iter().filter_map(copy).collect();
            let mut after = before.clone();
            let done = change(&self.memory(), &mut after)?;
            let _alone = self.changing.lock();
            let memory = self.memory();
            let known = memory.known(ids);
            let held = lock_all(&known);
            let nothing = StoreState::default();
            let is_as_before = |(id, state): (&&str, &MutexGuard<'_, StoreState>)| {
                state.is_same_as(before.get(*id).unwrap_or(&nothing))
            };
            if held.iter().all(is_as_before) && replace_all(&memory, held, after) {
                return Ok(done);
            }
        }
        let _alone = self.changing.lock();
        loop {
            let memory = self.memory();
            let known = memory.known(ids);
            let mut held = lock_all(&known);
            for (id, state) in &mut held {
                state.settle(self.store_now(id));
            }
            let copies = held
                .iter()
                .map(|(id, state)| ((*id).to_owned(), StoreState::clone(state)));
            let mut stores = copies.collect();
            let done = change(&memory, &mut stores)?;
            // It was written to while it was new: now it is known, and held the next time.
            if replace_all(&memory, held, stores) {
                return Ok(done);
            }
        }
    }

    /// Makes every accepted write of one store, or of all, visible now; gives their number.
    pub fn settle(&self, store: Option<&str>) -> usize {
        let memory = self.memory();
        let ids = store.map_or_else(|| memory.store_ids(), |store| vec![store.to_owned()]);
        let stores = ids.iter().filter_map(|id| memory.store(id));
        stores
            .map(|store| store.state.lock().settle(DateTime::<Utc>::MAX_UTC))
            .sum()
    }

    /// Looks at a store as it is now, the writes whose delay is over applied; `None` if it is not remembered.
    pub fn with_store<T>(&self, store: &str, look: impl FnOnce(&StoreState) -> T) -> Option<T> {
        let remembered = self.memory().store(store)?;
        let mut state = remembered.state.lock();
        state.settle(self.store_now(store));
        Some(look(&state))
    }
}

/// Holds several stores at once. Only who alone is changing may, or two would wait for each other.
fn lock_all<'a>(stores: &'a [(&'a str, Arc<Store>)]) -> BTreeMap<&'a str, MutexGuard<'a, StoreState>> {
    stores.iter().map(|(id, store)| (*id, store.state.lock())).collect()
}

/// Puts states in the place of those that are held, and of those that are not remembered yet; tells whether it did. If one of
/// the latter was written to meanwhile, it did not.
fn replace_all(memory: &Memory, held: BTreeMap<&str, MutexGuard<'_, StoreState>>, states: Stores) -> bool {
    // They are remembered only now that nothing can fail.
    let is_new = |id: &&String| !held.contains_key(id.as_str());
    let new: Vec<_> = states
        .keys()
        .filter(is_new)
        .map(|id| (id.as_str(), memory.store_or_new(id)))
        .collect();
    let mut held = held;
    let new_held = lock_all(&new);
    let nothing = StoreState::default();
    if !new_held.values().all(|state| state.is_same_as(&nothing)) {
        return false;
    }
    held.extend(new_held);
    for (id, state) in &mut held {
        **state = states.get(*id).cloned().unwrap_or_default();
    }
    true
}

/// One request's look at its world: one moment, one memory.
#[derive(Clone, Debug)]
pub(crate) struct RequestScope {
    world: Arc<World>,
    memory: Arc<Memory>,
    now: DateTime<Utc>,
}

impl RequestScope {
    /// The moment, by the clock of the whole world.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// The faults that a request may meet.
    pub fn faults(&self) -> &Faults {
        &self.memory.faults
    }

    /// The settings where no store is meant.
    pub fn settings(&self) -> Settings {
        self.memory.settings(None)
    }

    /// Looks at one store, in its own time and with its own settings.
    pub fn store_scope(&self, store: &str) -> StoreScope {
        StoreScope {
            memory: self.memory.clone(),
            remembered: OnceCell::new(),
            store: store.to_owned(),
            now: self.now + self.world.clock.offset(store),
            settings: self.memory.settings(Some(store)),
        }
    }
}

/// What a write would come to.
#[derive(Debug)]
pub(crate) struct Explanation {
    /// What it would do, and the customer that it would leave; or why it would be refused.
    pub outcome: Result<(Outcome, Arc<Profile>), Rejection>,
    pub notes: Vec<Note>,
}

/// One request's look at one store.
#[derive(Debug)]
pub(crate) struct StoreScope {
    memory: Arc<Memory>,
    /// The store, once it was found to be remembered.
    remembered: OnceCell<Arc<Store>>,
    pub store: String,
    pub now: DateTime<Utc>,
    pub settings: Settings,
}

impl StoreScope {
    /// The store, if it is remembered. One that is reset meanwhile is still looked at as it was.
    fn remembered(&self) -> Option<&Arc<Store>> {
        if self.remembered.get().is_none() {
            // Set only here, on one thread.
            let _ = self.memory.store(&self.store).map(|store| self.remembered.set(store));
        }
        self.remembered.get()
    }

    /// The store, remembered from now on.
    fn remembered_or_new(&self) -> &Arc<Store> {
        self.remembered.get_or_init(|| self.memory.store_or_new(&self.store))
    }

    /// Where and when a cursor that is given now holds.
    pub fn cursor_scope(&self) -> CursorScope<'_> {
        let remembered = self.remembered();
        CursorScope {
            store: &self.store,
            epoch: remembered.map_or(self.memory.epoch, |store| store.epoch),
        }
    }

    /// Judges the token that came with a request.
    ///
    /// Gives what the client leaned on, if anything.
    ///
    /// # Errors
    ///
    /// The reason why the token does not open the store.
    pub fn check_token(&self, token: Option<&str>) -> Result<Option<Note>, Rejection> {
        let text = token.filter(|text| !text.is_empty()).ok_or(Rejection::MissingToken)?;
        let own = Token::parse(text).filter(|token| token.store == self.store);
        let own = self.remembered().zip(own.map(|token| token.number));
        if let Some((store, number)) = own {
            match store.state.lock().credentials.status(number, self.now) {
                TokenStatus::Valid => return Ok(None),
                TokenStatus::Expired => return Err(Rejection::ExpiredToken),
                TokenStatus::NeverIssued => {}
            }
        } else if let Some(token) = Token::parse(text).filter(|token| token.store != self.store) {
            let issuer = self.memory.store(&token.store);
            let standing = issuer.map(|issuer| issuer.state.lock().credentials.status(token.number, self.now));
            if let Some(TokenStatus::Valid | TokenStatus::Expired) = standing {
                return Err(Rejection::TokenOfAnotherStore);
            }
        }
        if self.settings.issued_tokens_only || self.memory.declared_only || self.has_secret() {
            return Err(Rejection::UnknownToken);
        }
        Ok(Some(Note::TokenUndeclared))
    }

    /// Judges whether a token call is for a store that exists.
    ///
    /// # Errors
    ///
    /// [`Rejection::UnknownStore`], if stores are declared and this one is not.
    pub fn check_store(&self) -> Result<(), Rejection> {
        if self.memory.declared_only && !self.has_secret() {
            return Err(Rejection::UnknownStore);
        }
        Ok(())
    }

    /// Judges the secret that came with a token call.
    ///
    /// # Errors
    ///
    /// [`Rejection::WrongSecret`].
    pub fn check_secret(&self, secret: Option<&str>) -> Result<(), Rejection> {
        let secret = secret.ok_or(Rejection::WrongSecret)?;
        let accepted = match self.remembered() {
            Some(known) => known.state.lock().credentials.accepts(secret),
            None => StoreState::default().credentials.accepts(secret),
        };
        accepted.then_some(()).ok_or(Rejection::WrongSecret)
    }

    fn has_secret(&self) -> bool {
        let remembered = self.remembered();
        remembered.is_some_and(|store| store.state.lock().credentials.secret.is_some())
    }

    /// Issues the store's next token.
    pub fn issue_token(&self) -> String {
        let store = self.remembered_or_new();
        let number = store.state.lock().credentials.issue(self.now);
        Token {
            store: self.store.clone(),
            number,
        }
        .text()
    }

    /// Lets an issued token be dead from now on.
    pub fn expire_token(&self, token: Option<&str>) {
        let token = token.and_then(Token::parse).filter(|token| token.store == self.store);
        if let Some((token, store)) = token.zip(self.remembered()) {
            store.state.lock().credentials.expire(token.number, self.now);
        }
    }

    /// Counts a request against the store's rate limit.
    ///
    /// # Errors
    ///
    /// The exhausted budget, if the limit was reached before.
    pub fn count(&self) -> Result<RateLimitStatus, RateLimitStatus> {
        let limit = self.settings.rate_limit;
        if limit == 0 {
            return Ok(RateLimitStatus::untouched(limit));
        }
        let mut windows = self.memory.windows.lock();
        if windows.len() >= WINDOWS_BEFORE_SWEEP && !windows.contains_key(&self.store) {
            windows.retain(|_, window| !window.is_over(self.now));
        }
        windows
            .entry(self.store.clone())
            .or_insert_with(|| Window::open(self.now))
            .count(limit, self.now)
    }

    /// What is left of the store's rate limit, without counting.
    pub fn rate_limit_status(&self) -> RateLimitStatus {
        let limit = self.settings.rate_limit;
        match self.memory.windows.lock().get(&self.store) {
            Some(window) if limit > 0 => window.rate_limit_status(limit, self.now),
            _ => RateLimitStatus::untouched(limit),
        }
    }

    /// Accepts a write of the request with a number; it shows in reads once the visibility delay is over.
    pub fn accept(&self, write: Write, request: u64) {
        // A delay beyond what the calendar can tell is never over.
        let visible_at = TimeDelta::from_std(self.settings.visibility_delay)
            .ok()
            .and_then(|delay| self.now.checked_add_signed(delay))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let store = self.remembered_or_new();
        store.state.lock().accept(write, request, visible_at, self.now);
    }

    /// What a write would come to, without writing: the broken rules and the notes, and if it were accepted the store as it
    /// would be once everything shows.
    pub fn explain(&self, body: &Value) -> Explanation {
        let mut diagnostics = Diagnostics::default();
        let terms = self.settings.validation_options();
        let is_event = body.get("customer_event").is_some();
        let body = &Json::from(body);
        let read = if is_event {
            read_event(body, terms, self.now, &mut diagnostics).map(|(event, customer)| Write::Event(event, customer))
        } else {
            read_customer(body, terms, self.now, &mut diagnostics).map(Write::Customer)
        };
        let outcome = read.map(|write| {
            let remembered = self.remembered();
            let mut state = remembered.map(|store| store.state.lock().clone()).unwrap_or_default();
            state.settle(DateTime::<Utc>::MAX_UTC);
            let origin = Origin {
                request: 0,
                at: self.now,
            };
            let outcome = state.apply(write, origin);
            let customer = state
                .customer(outcome.number)
                .expect("a write leaves its profile behind");
            (outcome, customer.clone())
        });
        Explanation {
            outcome,
            notes: diagnostics.notes,
        }
    }

    /// The customers of one page.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoResults`] where nothing is found and that is how the vendor is taken to answer.
    pub fn page(&self, request: &PageRequest) -> Result<Page, Rejection> {
        let page = match self.remembered() {
            Some(store) => {
                let mut state = store.state.lock();
                state.settle(self.now);
                state.page(request)
            }
            None => StoreState::default().page(request),
        };
        let nothing_found = request.after == 0 && page.is_empty();
        if nothing_found && self.settings.empty_result == EmptyResult::Error {
            return Err(Rejection::NoResults);
        }
        Ok(page)
    }
}
