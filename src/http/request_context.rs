//! The exchange: what becomes known of one request while it is answered.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::web::Bytes;

use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rate_limit::RateLimitStatus;
use crate::domain::rejection::Rejection;
use crate::domain::validation::Diagnostics;
use crate::world::settings::Settings;
use crate::world::{RequestScope, StoreScope};

/// A request under way: its look at the world, and what is written down of it.
///
/// It is made when a request's [recording](super::journal_recorder) begins; admission and the handlers add to it.
pub(super) struct RequestContext {
    pub call: RequestScope,
    /// Its place in the journal.
    pub number: u64,
    told: RefCell<RequestFacts>,
}

/// What is known of a request so far.
#[derive(Default)]
pub(super) struct RequestFacts {
    pub operation: Option<Operation>,
    pub store_scope: Option<Rc<StoreScope>>,
    pub notes: Vec<Note>,
    /// What the request left of the store's rate limit, once it was counted.
    pub rate_limit_status: Option<RateLimitStatus>,
    /// The body as it was read, and how long it was to be; `None` where it was not read.
    pub body: Option<(Bytes, u64)>,
    /// What is left of a body that was given up.
    pub unread: Option<Payload>,
}

impl RequestContext {
    pub fn new(call: RequestScope, number: u64, store: Option<String>) -> RequestContext {
        let context = RequestContext {
            call,
            number,
            told: RefCell::default(),
        };
        if let Some(store) = store {
            context.set_store(&store);
        }
        context
    }

    pub fn set_operation(&self, operation: Operation) {
        self.told.borrow_mut().operation = Some(operation);
    }

    /// Tells which store the request is for.
    pub fn set_store(&self, store: &str) -> Rc<StoreScope> {
        let store_scope = Rc::new(self.call.store_scope(store));
        self.told.borrow_mut().store_scope = Some(store_scope.clone());
        store_scope
    }

    /// The request's look at the store that it is for.
    ///
    /// # Panics
    ///
    /// If the path names none and none was set.
    pub fn store_scope(&self) -> Rc<StoreScope> {
        let told = self.told.borrow();
        told.store_scope
            .clone()
            .expect("the paths of these operations name a store")
    }

    /// The id of the store that the request is for, where that is known.
    pub fn store(&self) -> Option<String> {
        self.told
            .borrow()
            .store_scope
            .as_ref()
            .map(|store_scope| store_scope.store.clone())
    }

    /// The settings that hold for the request.
    pub fn settings(&self) -> Settings {
        let store_scope = self.told.borrow().store_scope.clone();
        store_scope.map_or_else(|| self.call.settings(), |store_scope| store_scope.settings)
    }

    pub fn note(&self, note: Note) {
        self.told.borrow_mut().notes.push(note);
    }

    /// Keeps what was read of the body for the journal.
    pub fn keep_body(&self, arrived: Bytes, whole_bytes: u64) {
        self.told.borrow_mut().body = Some((arrived, whole_bytes));
    }

    /// Whether something of the body was read.
    pub fn has_body(&self) -> bool {
        self.told.borrow().body.is_some()
    }

    /// Lets the domain read something of the request, and takes over its notes.
    pub fn read<T>(&self, read: impl FnOnce(&mut Diagnostics) -> Result<T, Rejection>) -> Result<T, Rejection> {
        let mut diagnostics = Diagnostics::default();
        let result = read(&mut diagnostics);
        self.told.borrow_mut().notes.append(&mut diagnostics.notes);
        result
    }

    /// Counts the request against its store's rate limit.
    ///
    /// # Errors
    ///
    /// [`Rejection::TooManyRequests`], if the limit was reached before.
    pub fn count(&self) -> Result<(), Rejection> {
        let counted = self.store_scope().count();
        self.told.borrow_mut().rate_limit_status = Some(counted.unwrap_or_else(|exhausted| exhausted));
        match counted {
            Ok(_) => Ok(()),
            Err(exhausted) => Err(Rejection::TooManyRequests {
                retry_after_seconds: exhausted.reset_seconds.max(1),
            }),
        }
    }

    /// Keeps the rest of a body that nobody will read.
    pub fn give_up(&self, rest: Payload) {
        self.told.borrow_mut().unread = Some(rest);
    }

    /// Ends the exchange: gives what was told and the budget that the answer shows.
    pub fn end(&self) -> (RequestFacts, RateLimitStatus) {
        let told = self.told.take();
        let rate_limit_status = told.rate_limit_status.unwrap_or_else(|| match &told.store_scope {
            Some(store_scope) => store_scope.rate_limit_status(),
            None => RateLimitStatus::untouched(self.call.settings().rate_limit),
        });
        (told, rate_limit_status)
    }
}
