//! A handle for one store of a running emulator.

mod content;

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::document_error::DocumentError;
use super::fault::{AddedFault, Fault};
use super::requests::Requests;
use super::scope::{Inner, Scope};
use super::snapshot::Snapshot;
use super::{Report, Setting, Settings};
use crate::domain::operation::Operation;
use crate::domain::text::percent_encode;
use crate::world::ResetTo;
pub use content::PendingWrite;

/// One store of a running emulator, with its own customers, events, tokens, settings, faults and time.
///
/// [`YotpoMock::store`](crate::YotpoMock::store) returns it. Clones refer to the same store and can be used from other threads.
/// When a test panics while it holds a `Store`, the latest requests to it are printed; see
/// [`journal_on_panic`](crate::Builder::journal_on_panic).
///
/// ```
/// use yotpo_mock::{Customer, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
/// // Run your integration with `store.url()`, `store.id()` and `store.secret()`, then check what it did:
/// store.requests().upserts().assert_none();
/// assert_eq!(store.customer("c-1").unwrap().email(), Some("ann@example.com"));
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    id: String,
    secret: String,
}

impl Store {
    #[track_caller]
    pub(super) fn new(inner: &Arc<Inner>, id: String) -> Store {
        assert!(!id.is_empty(), "a store has an id that is not empty");
        let secret = inner.world.secret_or_declare(&id, || format!("secret-of-{id}"));
        Store {
            inner: inner.clone(),
            // A store without a secret accepts any.
            secret: secret.unwrap_or_else(|| "any".to_owned()),
            id,
        }
    }

    /// The id in the paths of the API.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret for `POST …/access_tokens`.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The emulator's base URL, as [`YotpoMock::url`](crate::YotpoMock::url).
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The URL before `/customers` and the other paths of this store: `http://127.0.0.1:49152/core/v3/stores/shop`.
    pub fn api_url(&self) -> String {
        format!("{}/core/v3/stores/{}", self.inner.url, percent_encode(&self.id))
    }

    /// Issues an access token for the header `X-Yotpo-Token`, valid for 14 days of the store's time.
    pub fn access_token(&self) -> String {
        self.inner.world.request_scope().store_scope(&self.id).issue_token()
    }

    /// The requests to this store in the journal, to be filtered and counted.
    pub fn requests(&self) -> Requests {
        self.scope().requests()
    }

    /// Removes the requests to this store from the journal. Request numbers continue, and the report keeps its counts.
    pub fn clear_requests(&self) {
        self.scope().clear_requests();
    }

    /// The counts of the requests to this store.
    pub fn report(&self) -> Report {
        self.scope().report()
    }

    /// Sets the counts of this store to zero.
    pub fn clear_report(&self) {
        self.scope().clear_report();
    }

    /// Adds a fault for the next request to an operation of this store, or for more with [`Fault::times`].
    ///
    /// # Panics
    ///
    /// If the fault is invalid, or the emulator has 1,000 faults already.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::{Fault, Operation};
    ///
    /// let fault = yotpo.store("shop").fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2));
    /// assert_eq!(fault.hits(), 0);
    /// ```
    #[track_caller]
    pub fn fail_next(&self, operation: Operation, fault: Fault) -> AddedFault {
        self.scope().fail_next(operation, fault)
    }

    /// Adds a fault for every request to this store that matches it.
    ///
    /// # Panics
    ///
    /// If the fault is invalid, or the emulator has 1,000 faults already.
    #[track_caller]
    pub fn add_fault(&self, fault: Fault) -> AddedFault {
        self.scope().add_fault(fault)
    }

    /// The faults of this store, oldest first, without those of all stores.
    pub fn faults(&self) -> Vec<AddedFault> {
        self.scope().faults()
    }

    /// Removes the faults of this store; those of all stores stay.
    pub fn clear_faults(&self) {
        self.scope().clear_faults();
    }

    /// The time of this store.
    pub fn now(&self) -> DateTime<Utc> {
        self.scope().now()
    }

    /// Moves the time of this store forward: its tokens expire, its rate limit window closes, its delayed writes become visible.
    /// Other stores keep their time.
    ///
    /// # Panics
    ///
    /// If the time would pass the year 9000.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use std::time::Duration;
    ///
    /// let (shop, other) = (yotpo.store("shop"), yotpo.store("other"));
    /// shop.advance(Duration::from_secs(15 * 24 * 3600)); // its tokens have expired
    /// assert!(shop.now() > other.now());
    /// ```
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        self.scope().advance(by);
    }

    /// Moves the time of this store forward to a time.
    ///
    /// # Panics
    ///
    /// If the store's time is already later, or the new time is after the year 9000.
    #[track_caller]
    pub fn set_time(&self, time: DateTime<Utc>) {
        self.scope().set_time(time);
    }

    /// Makes all accepted writes visible now, and returns their number.
    pub fn settle(&self) -> usize {
        self.scope().settle()
    }

    /// The settings of this store.
    pub fn settings(&self) -> Settings {
        self.scope().settings()
    }

    /// Changes a setting for this store, until the next reset.
    ///
    /// # Panics
    ///
    /// If the setting does not allow the value.
    #[track_caller]
    pub fn set(&self, setting: Setting) {
        self.scope().set(setting);
    }

    /// Returns to the settings of all stores.
    pub fn clear_settings(&self) {
        self.scope().clear_settings();
    }

    /// Returns to the seed of the start, or to an empty store with its secret. The store's settings and faults are removed; journal,
    /// report and time stay.
    pub fn reset(&self) {
        self.scope().reset(ResetTo::Seed);
    }

    /// Resets, but keeps only the secret, without the seeded customers and events.
    pub fn reset_to_empty(&self) {
        self.scope().reset(ResetTo::Empty);
    }

    /// Takes a snapshot of this store: customers, events, tokens, settings, faults and time. The cost does not depend on its size.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// let before = store.snapshot();
    /// store.generate(10, 0, 1);
    /// store.restore(&before);
    /// assert!(store.customers().is_empty());
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.inner.world.state().of_store(&self.id))
    }

    /// Returns this store, and no other, to a snapshot of it or of all stores. Cursors from before, and tokens issued since the
    /// snapshot, are no longer valid.
    ///
    /// # Panics
    ///
    /// If the snapshot does not contain this store.
    #[track_caller]
    pub fn restore(&self, snapshot: &Snapshot) {
        let restored = self.inner.world.restore_store(&self.id, snapshot.state());
        if let Err(error) = restored {
            panic!("the snapshot cannot be restored: {error}");
        }
    }

    /// Replaces the state of this store, and of no other, with that in a JSON document: one from [`Snapshot::to_json`], or a seed.
    ///
    /// # Errors
    ///
    /// If the document is invalid or does not contain this store. Then nothing changes.
    pub fn restore_json(&self, document: &str) -> Result<(), DocumentError> {
        self.scope().restore_json(document)
    }

    fn scope(&self) -> Scope<'_> {
        Scope { inner: &self.inner, store: Some(&self.id) }
    }
}

/// Shows the id and the URL, and no secrets.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("id", &self.id).field("url", &self.inner.url).finish_non_exhaustive()
    }
}

/// Prints the latest requests to the store if the test that holds it is panicking.
impl Drop for Store {
    fn drop(&mut self) {
        if thread::panicking() {
            self.scope().print_journal();
        }
    }
}
