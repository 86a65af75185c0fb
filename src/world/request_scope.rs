//! The view that one request has of the world: one time and one memory, from its first step to its last.

use std::cell::OnceCell;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::World;
use super::fault::Faults;
use super::memory::{LockedStore, Memory};
use super::settings::{EmptyResult, Settings};
use crate::domain::access_token::{Token, TokenStatus};
use crate::domain::json::Json;
use crate::domain::note::{Note, RequestNote};
use crate::domain::page::Page;
use crate::domain::pagination::{CursorScope, PageRequest};
use crate::domain::profile::Profile;
use crate::domain::rate_limit::{RateLimitStatus, Window};
use crate::domain::rejection::{BrokenRule, Rejection};
use crate::domain::store::{Origin, Outcome, StoreState, Write};
use crate::domain::validation::{Diagnostics, read_customer, read_event};

/// The room for further rate limit windows after the expired ones were removed, at least.
const MIN_FREE_WINDOWS: usize = 1024;

/// The world for one request. The time is read once, and a reset of all stores during the request does not affect it.
#[derive(Clone, Debug)]
pub(crate) struct RequestScope {
    world: Arc<World>,
    memory: Arc<Memory>,
    now: DateTime<Utc>,
}

/// One store for one request, in its own time and with its own settings.
#[derive(Debug)]
pub(crate) struct StoreScope {
    memory: Arc<Memory>,
    /// Set once the store exists.
    found: OnceCell<Arc<LockedStore>>,
    pub store: String,
    pub now: DateTime<Utc>,
    pub settings: Settings,
}

/// The result that a write would have.
#[derive(Debug)]
pub(crate) struct DryRun {
    /// The outcome and the resulting customer, or the reason for a rejection.
    pub outcome: Result<(Outcome, Arc<Profile>), Vec<BrokenRule>>,
    /// The customers that a rejected write would have matched.
    pub matches: Vec<Arc<Profile>>,
    pub notes: Vec<RequestNote>,
}

impl RequestScope {
    pub fn new(world: Arc<World>) -> RequestScope {
        RequestScope { memory: world.memory(), now: world.clock.now(), world }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// The time by the clock of all stores.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub fn faults(&self) -> &Faults {
        &self.memory.faults
    }

    /// The settings for all stores.
    pub fn settings(&self) -> Settings {
        self.memory.settings(None)
    }

    pub fn store_scope(&self, store: &str) -> StoreScope {
        StoreScope {
            memory: self.memory.clone(),
            found: OnceCell::new(),
            store: store.to_owned(),
            now: self.now + self.world.clock.offset(store),
            settings: self.memory.settings(Some(store)),
        }
    }
}

impl StoreScope {
    /// The store, if it exists. After a reset of this store it is still the one from before.
    fn find_store(&self) -> Option<&Arc<LockedStore>> {
        if self.found.get().is_none()
            && let Some(store) = self.memory.store(&self.store)
        {
            return Some(self.found.get_or_init(|| store));
        }
        self.found.get()
    }

    fn find_or_create_store(&self) -> &Arc<LockedStore> {
        self.found.get_or_init(|| self.memory.get_or_create_store(&self.store))
    }

    /// The scope in which a cursor issued now is valid.
    pub fn cursor_scope(&self) -> CursorScope<'_> {
        CursorScope { store: &self.store, epoch: self.find_store().map_or(self.memory.epoch, |store| store.epoch) }
    }

    /// Checks the access token of a request. Returns a note if the token is accepted only because the store has no secret.
    ///
    /// # Errors
    ///
    /// The reason why the token does not give access to the store.
    pub fn check_token(&self, token: Option<&str>) -> Result<Option<Note>, Rejection> {
        let text = token.filter(|text| !text.is_empty()).ok_or(Rejection::MissingToken)?;
        if let Some(token) = Token::parse(text) {
            let store = match token.store == self.store {
                true => self.find_store().cloned(),
                false => self.memory.store(&token.store),
            };
            let status = store.map(|store| store.state.lock().credentials.status(&token, self.now));
            match status {
                None | Some(TokenStatus::NeverIssued) => {}
                Some(_) if token.store != self.store => return Err(Rejection::TokenOfAnotherStore),
                Some(TokenStatus::Valid) => return Ok(None),
                Some(TokenStatus::Expired) => return Err(Rejection::ExpiredToken),
            }
        }
        if self.settings.issued_tokens_only || self.memory.declared_only || self.has_secret() {
            return Err(Rejection::UnknownToken);
        }
        Ok(Some(Note::TokenUndeclared))
    }

    /// Checks that a request for a token names an existing store.
    ///
    /// # Errors
    ///
    /// [`Rejection::UnknownStore`] if stores are declared and this one is not.
    pub fn check_store(&self) -> Result<(), Rejection> {
        if self.memory.declared_only && !self.has_secret() {
            return Err(Rejection::UnknownStore);
        }
        Ok(())
    }

    /// Checks the secret of a request for a token.
    ///
    /// # Errors
    ///
    /// [`Rejection::WrongSecret`].
    pub fn check_secret(&self, secret: Option<&str>) -> Result<(), Rejection> {
        let secret = secret.ok_or(Rejection::WrongSecret)?;
        let is_accepted = match self.find_store() {
            Some(store) => store.state.lock().credentials.accepts(secret),
            None => StoreState::default().credentials.accepts(secret),
        };
        is_accepted.then_some(()).ok_or(Rejection::WrongSecret)
    }

    fn has_secret(&self) -> bool {
        let store = self.find_store();
        store.is_some_and(|store| store.state.lock().credentials.secret.is_some())
    }

    /// Issues the store's next token.
    pub fn issue_token(&self) -> String {
        let store = self.find_or_create_store();
        let token = store.state.lock().credentials.issue(&self.store, self.now);
        token.text()
    }

    /// Expires a token of this store now.
    pub fn expire_token(&self, token: Option<&str>) {
        let token = token.and_then(Token::parse).filter(|token| token.store == self.store);
        if let Some((token, store)) = token.zip(self.find_store()) {
            store.state.lock().credentials.expire(&token, self.now);
        }
    }

    /// Counts a request against the store's rate limit.
    ///
    /// # Errors
    ///
    /// The exhausted limit, if it was reached before.
    pub fn count(&self) -> Result<RateLimitStatus, RateLimitStatus> {
        let limit = self.settings.rate_limit;
        if limit == 0 {
            return Ok(RateLimitStatus::unused(limit));
        }
        let mut windows = self.memory.windows.lock();
        if windows.len() == windows.capacity() && !windows.contains_key(&self.store) {
            windows.retain(|_, window| !window.is_over(self.now));
            // At most half full, so that the next cleanup is as far away as this one was expensive.
            let count = windows.len();
            windows.reserve(count.max(MIN_FREE_WINDOWS));
        }
        windows.entry(self.store.clone()).or_insert_with(|| Window::new(self.now)).count(limit, self.now)
    }

    /// The remaining rate limit of the store; counts nothing.
    pub fn rate_limit_status(&self) -> RateLimitStatus {
        let limit = self.settings.rate_limit;
        match self.memory.windows.lock().get(&self.store) {
            Some(window) if limit > 0 => window.status(limit, self.now),
            _ => RateLimitStatus::unused(limit),
        }
    }

    /// Accepts a write, which becomes visible to reads after the visibility delay. `request` is the number of its request.
    pub fn accept(&self, write: Write, request: u64) {
        // A time beyond the calendar is never reached.
        let visible_at = TimeDelta::from_std(self.settings.visibility_delay)
            .ok()
            .and_then(|delay| self.now.checked_add_signed(delay))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let store = self.find_or_create_store();
        store.state.lock().accept(write, request, visible_at, self.now);
    }

    /// The result that a write would have once all pending writes are visible; writes nothing.
    pub fn explain(&self, body: &Value) -> DryRun {
        let mut diagnostics = Diagnostics::default();
        let options = self.settings.validation_options();
        let is_event = body.get("customer_event").is_some();
        let body = &Json::from(body);
        let write = if is_event {
            read_event(body, options, self.now, &mut diagnostics).map(|(event, customer)| Write::Event(event, customer))
        } else {
            read_customer(body, options, self.now, &mut diagnostics).map(Write::Customer)
        };
        let mut state = self.find_store().map(|store| store.state.lock().clone()).unwrap_or_default();
        state.settle(DateTime::<Utc>::MAX_UTC);
        let matches =
            diagnostics.identifiers.as_ref().map(|identifiers| state.matching_write(identifiers)).unwrap_or_default();
        let outcome = write.map(|write| {
            let origin = Origin { request: 0, at: self.now };
            let outcome = state.apply(write, origin);
            let customer = state.customer(outcome.number).expect("a write always leaves its profile in the store");
            (outcome, customer.clone())
        });
        DryRun { outcome, matches, notes: diagnostics.notes }
    }

    /// One page of customers.
    ///
    /// # Errors
    ///
    /// [`Rejection::NoResults`] for an empty result, if the settings say so.
    pub fn page(&self, request: &PageRequest) -> Result<Page, Rejection> {
        let page = match self.find_store() {
            Some(store) => {
                let mut state = store.state.lock();
                state.settle(self.now);
                state.page(request)
            }
            None => StoreState::default().page(request),
        };
        let found_nothing = request.after == 0 && page.is_empty();
        if found_nothing && self.settings.empty_result == EmptyResult::Error {
            return Err(Rejection::NoResults);
        }
        Ok(page)
    }
}
