//! What is known of one request while it is handled.

use super::request::{JsonText, RequestBody, RequestHead};
use crate::domain::note::RequestNote;
use crate::domain::operation::Operation;
use crate::domain::rate_limit::RateLimitStatus;
use crate::domain::rejection::{BrokenRule, Rejection};
use crate::domain::validation::Diagnostics;
use crate::world::settings::Settings;
use crate::world::{RequestScope, StoreScope};

/// A request in progress: the request itself, its view of the world, and what the journal will record of it.
pub(super) struct RequestContext<'a> {
    pub head: &'a RequestHead<'a>,
    pub body: RequestBody<'a>,
    pub scope: RequestScope,
    /// The number of its journal entry.
    pub number: u64,
    pub operation: Option<Operation>,
    store: Option<StoreScope>,
    pub notes: Vec<RequestNote>,
    /// The store's rate limit after this request, once the request was counted.
    rate_limit: Option<RateLimitStatus>,
}

impl<'a> RequestContext<'a> {
    pub fn new(
        head: &'a RequestHead<'a>,
        body: RequestBody<'a>,
        scope: RequestScope,
        number: u64,
        operation: Option<Operation>,
        store: Option<&str>,
    ) -> RequestContext<'a> {
        RequestContext {
            head,
            body,
            number,
            operation,
            store: store.map(|store| scope.store_scope(store)),
            scope,
            notes: Vec::new(),
            rate_limit: None,
        }
    }

    /// Sets the store of a request whose path names none.
    pub fn set_store(&mut self, store: &str) {
        self.store = Some(self.scope.store_scope(store));
    }

    /// The store that the request is for, if it is known.
    pub fn known_store(&self) -> Option<&StoreScope> {
        self.store.as_ref()
    }

    /// The store that the request is for.
    ///
    /// # Panics
    ///
    /// If neither the path nor [`set_store`](Self::set_store) named one.
    pub fn store(&self) -> &StoreScope {
        self.store.as_ref().expect("the paths of these operations name a store")
    }

    /// The settings for this request.
    pub fn settings(&self) -> Settings {
        self.known_store().map_or_else(|| self.scope.settings(), |store| store.settings)
    }

    /// Reads the body, which must be declared as JSON.
    ///
    /// # Errors
    ///
    /// As [`RequestBody::read_json`].
    pub async fn read_json(&mut self) -> Result<JsonText, Rejection> {
        let limit_bytes = self.settings().body_limit;
        self.body.read_json(self.head, limit_bytes).await
    }

    /// Reads the whole body for the journal or for matching faults; `None` if that is not possible.
    pub async fn peek_body(&mut self) -> Option<bytes::Bytes> {
        let limit_bytes = self.settings().body_limit;
        self.body.read(self.head, limit_bytes).await.ok()
    }

    /// Runs a function of the domain that reports notes, and records them.
    pub fn diagnose<T>(
        &mut self,
        read: impl FnOnce(&StoreScope, &mut Diagnostics) -> Result<T, Vec<BrokenRule>>,
    ) -> Result<T, Rejection> {
        let mut diagnostics = Diagnostics::default();
        let result = read(self.store(), &mut diagnostics);
        self.notes.append(&mut diagnostics.notes);
        result.map_err(Rejection::Invalid)
    }

    /// Counts the request against its store's rate limit.
    ///
    /// # Errors
    ///
    /// [`Rejection::TooManyRequests`] if the limit was reached before.
    pub fn count(&mut self) -> Result<(), Rejection> {
        let counted = self.store().count();
        self.rate_limit = Some(counted.unwrap_or_else(|exhausted| exhausted));
        match counted {
            Ok(_) => Ok(()),
            Err(exhausted) => Err(Rejection::TooManyRequests { retry_after_seconds: exhausted.reset_seconds.max(1) }),
        }
    }

    /// The rate limit that the response shows.
    pub fn rate_limit_status(&self) -> RateLimitStatus {
        self.rate_limit.unwrap_or_else(|| match &self.store {
            Some(store) => store.rate_limit_status(),
            None => RateLimitStatus::unused(self.scope.settings().rate_limit),
        })
    }
}
