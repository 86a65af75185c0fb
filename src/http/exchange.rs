//! The exchange: what becomes known of one request while it is answered.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::web::Bytes;

use crate::domain::note::Note;
use crate::domain::operation::Operation;
use crate::domain::rate_limit::Budget;
use crate::domain::rejection::Rejection;
use crate::domain::validation::Findings;
use crate::world::settings::Settings;
use crate::world::{Call, Visit};

/// A request under way: its look at the world, and what is written down of it.
///
/// It is made when a request's [recording](super::recording) begins; admission and the handlers add to it.
pub(super) struct Exchange {
    pub call: Call,
    /// Its place in the journal.
    pub number: u64,
    told: RefCell<Told>,
}

/// What is known of a request so far.
#[derive(Default)]
pub(super) struct Told {
    pub operation: Option<Operation>,
    pub visit: Option<Rc<Visit>>,
    pub notes: Vec<Note>,
    /// What the request left of the store's rate limit, once it was counted.
    pub budget: Option<Budget>,
    /// The body as it was read, and how long it was to be; `None` where it was not read.
    pub body: Option<(Bytes, u64)>,
    /// What is left of a body that was given up.
    pub unread: Option<Payload>,
}

impl Exchange {
    pub fn new(call: Call, number: u64, store: Option<String>) -> Exchange {
        let exchange = Exchange {
            call,
            number,
            told: RefCell::default(),
        };
        if let Some(store) = store {
            exchange.set_store(&store);
        }
        exchange
    }

    pub fn set_operation(&self, operation: Operation) {
        self.told.borrow_mut().operation = Some(operation);
    }

    /// Tells which store the request is for.
    pub fn set_store(&self, store: &str) -> Rc<Visit> {
        let visit = Rc::new(self.call.visit(store));
        self.told.borrow_mut().visit = Some(visit.clone());
        visit
    }

    /// The request's look at the store that it is for.
    ///
    /// # Panics
    ///
    /// If the path names none and none was set.
    pub fn visit(&self) -> Rc<Visit> {
        let told = self.told.borrow();
        told.visit.clone().expect("the paths of these operations name a store")
    }

    /// The id of the store that the request is for, where that is known.
    pub fn store(&self) -> Option<String> {
        self.told.borrow().visit.as_ref().map(|visit| visit.store.clone())
    }

    /// The settings that hold for the request.
    pub fn settings(&self) -> Settings {
        let visit = self.told.borrow().visit.clone();
        visit.map_or_else(|| self.call.settings(), |visit| visit.settings)
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
    pub fn read<T>(&self, read: impl FnOnce(&mut Findings) -> Result<T, Rejection>) -> Result<T, Rejection> {
        let mut findings = Findings::default();
        let result = read(&mut findings);
        self.told.borrow_mut().notes.append(&mut findings.notes);
        result
    }

    /// Counts the request against its store's rate limit.
    ///
    /// # Errors
    ///
    /// [`Rejection::TooManyRequests`], if the limit was reached before.
    pub fn count(&self) -> Result<(), Rejection> {
        let counted = self.visit().count();
        self.told.borrow_mut().budget = Some(counted.unwrap_or_else(|exhausted| exhausted));
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
    pub fn end(&self) -> (Told, Budget) {
        let told = self.told.take();
        let budget = told.budget.unwrap_or_else(|| match &told.visit {
            Some(visit) => visit.budget(),
            None => Budget::untouched(self.call.settings().rate_limit),
        });
        (told, budget)
    }
}
