//! A handle for one store of a running emulator.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::customer::Customer;
use super::document_error::DocumentError;
use super::event::Event;
use super::explanation::{Explanation, Step};
use super::fault::{AddedFault, Fault};
use super::requests::Requests;
use super::scope::{Inner, Scope};
use super::snapshot::Snapshot;
use super::{Report, SeedSummary, Setting, Settings};
use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use crate::domain::operation::Operation;
use crate::domain::store::{Pending, StoreState};
use crate::world::ResetTo;
use crate::world::generate::{self, GenerateRequest};

/// The bytes that a path segment must percent-encode: all but the unreserved characters of RFC 3986.
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
        let id = utf8_percent_encode(&self.id, PATH_SEGMENT);
        format!("{}/core/v3/stores/{id}", self.inner.url)
    }

    /// Issues an access token for the header `X-Yotpo-Token`, valid for 14 days of the store's time.
    pub fn access_token(&self) -> String {
        self.inner.world.request_scope().store_scope(&self.id).issue_token()
    }

    /// Adds customers. A customer replaces the one with the same external id; one without an external id replaces the oldest
    /// such customer with exactly the same e-mail address and phone number.
    ///
    /// # Panics
    ///
    /// If a customer has an unknown field or an invalid value, or two have the same external id. Then none is added.
    #[track_caller]
    pub fn seed(&self, customers: impl IntoIterator<Item: Into<Customer>>) -> SeedSummary {
        let customers: Vec<_> = customers
            .into_iter()
            .map(|customer| customer.into().to_json())
            .collect();
        self.seed_json(json!({ "customers": customers }))
    }

    /// Adds events to existing customers. An event replaces the one with the same unique id.
    ///
    /// # Panics
    ///
    /// If an event names no customer of the store, or has an unknown field or an invalid value. Then none is added.
    ///
    /// ```
    /// use yotpo_mock::{Customer, Event};
    ///
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let store = yotpo.store("shop");
    /// store.seed([Customer::builder().external_id("c-1").build()]);
    /// store.seed_events([Event::builder("r-1", "item_returned").external_id("c-1").build()]);
    /// assert_eq!(store.events().len(), 1);
    /// ```
    #[track_caller]
    pub fn seed_events(&self, events: impl IntoIterator<Item: Into<Event>>) -> SeedSummary {
        let events: Vec<_> = events.into_iter().map(|event| event.into().to_json()).collect();
        self.seed_json(json!({ "events": events }))
    }

    #[track_caller]
    fn seed_json(&self, mut store: Value) -> SeedSummary {
        store["id"] = self.id.clone().into();
        // A `match`, since a panic in a closure would not name the caller.
        match self.inner.world.seed(&json!({ "stores": [store] }).to_string()) {
            Ok(mut seeded) => seeded.remove(&self.id).map(SeedSummary::new).unwrap_or_default(),
            Err(error) => panic!("store `{}` cannot be seeded so: {error}", self.id),
        }
    }

    /// Adds generated customers and events, up to a million of each. The same `seed` generates the same for a store with the same
    /// content.
    ///
    /// # Panics
    ///
    /// If there are events to generate and no customers, or more than a million of either.
    #[track_caller]
    pub fn generate(&self, customers: u64, events: u64, seed: u64) {
        const MAX: u64 = generate::MAX_GENERATED;
        assert!(
            customers <= MAX && events <= MAX,
            "at most {MAX} customers and {MAX} events are generated at a time"
        );
        let request = GenerateRequest {
            customers,
            events,
            seed,
        };
        if let Err(error) = self.inner.world.generate(&self.id, request) {
            panic!("nothing is generated for store `{}`: {error}", self.id);
        }
    }

    /// The customer with an external id. Delayed writes are not visible, as in the API.
    pub fn customer(&self, external_id: &str) -> Option<Customer> {
        self.find(Identifiers {
            external_id: Some(ExternalId::for_lookup(external_id)),
            ..Identifiers::default()
        })
    }

    /// The customer with an e-mail address, compared case-insensitively; of several, the last written.
    pub fn customer_by_email(&self, email: &str) -> Option<Customer> {
        self.find(Identifiers {
            email: Some(Email::for_lookup(email)),
            ..Identifiers::default()
        })
    }

    /// The customer with a phone number; of several, the last written.
    pub fn customer_by_phone_number(&self, number: &str) -> Option<Customer> {
        self.find(Identifiers {
            phone_number: Some(PhoneNumber::for_lookup(number)),
            ..Identifiers::default()
        })
    }

    fn find(&self, identifiers: Identifiers) -> Option<Customer> {
        let find = |state: &StoreState| state.customer(state.find(&identifiers)?).cloned();
        self.with_store(find).map(|profile| Customer::from_profile(&profile))
    }

    /// All customers, in the order of their creation.
    pub fn customers(&self) -> Vec<Customer> {
        // Rendered after the lock is released.
        let profiles: Vec<_> = self.with_store(|state| state.customers(0).cloned().collect());
        profiles.iter().map(|profile| Customer::from_profile(profile)).collect()
    }

    /// The event with a unique id.
    pub fn event(&self, unique_id: &str) -> Option<Event> {
        self.with_store(|state| {
            let found = state.event(unique_id);
            found.map(|(event, customer)| Event::from_stored(&event, customer.identifiers()))
        })
    }

    /// All events, in the order of their creation.
    pub fn events(&self) -> Vec<Event> {
        self.with_store(|state| {
            let events = state.events(0);
            events
                .map(|(_, event, customer)| Event::from_stored(&event, customer.identifiers()))
                .collect()
        })
    }

    /// The accepted writes that are not visible yet, in the order in which they will be applied.
    pub fn pending_writes(&self) -> Vec<PendingWrite> {
        self.with_store(|state| state.pending().map(PendingWrite::new).collect())
    }

    /// The default is for a store that the emulator no longer knows, after a restore.
    fn with_store<T: Default>(&self, read: impl FnOnce(&StoreState) -> T) -> T {
        self.inner.world.with_store(&self.id, read).unwrap_or_default()
    }

    /// How a customer came to be: its last 32 steps, oldest first. It is empty for a customer that was seeded, was merged into
    /// another, or comes from a [`CustomerBuilder`](crate::CustomerBuilder).
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// # store.seed([yotpo_mock::Customer::builder().external_id("c-1").build()]);
    /// let customer = store.customer("c-1").unwrap();
    /// for step in store.lineage(&customer) {
    ///     println!("request {} set {:?} by {}", step.request, step.fields, step.rule);
    /// }
    /// ```
    pub fn lineage(&self, customer: &Customer) -> Vec<Step> {
        let number = customer.number().unwrap_or_default();
        self.with_store(|state| {
            let profile = state.customer(number)?;
            Some(profile.history().steps().iter().map(Step::new).collect())
        })
        .unwrap_or_default()
    }

    /// What a write would do, without doing it. The body is `{"customer":{…}}` or `{"customer_event":{…}}`.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// use serde_json::json;
    ///
    /// let body = json!({"customer": {"email": "ann@example.com", "phone_number": "+14155552671"}});
    /// assert_eq!(store.explain(&body).broken_rules[0].rule.id, "customer.identifier.ambiguous");
    /// ```
    pub fn explain(&self, body: &Value) -> Explanation {
        Explanation::new(self.inner.world.request_scope().store_scope(&self.id).explain(body))
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
        Snapshot::of(self.inner.world.state().of_store(&self.id))
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
        Scope {
            inner: &self.inner,
            store: Some(&self.id),
        }
    }
}

/// Shows the id and the URL, and no secrets.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("id", &self.id)
            .field("url", &self.inner.url)
            .finish_non_exhaustive()
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

/// An accepted write that is not visible yet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingWrite {
    /// The number of the request.
    pub request: u64,
    /// When it becomes visible by the store's clock: after its own delay and not before the writes that were accepted earlier.
    pub visible_at: DateTime<Utc>,
    /// The body that a client could have sent: `{"customer":{…}}` or `{"customer_event":{…}}`.
    pub body: Value,
}

impl PendingWrite {
    fn new(pending: &Pending) -> PendingWrite {
        PendingWrite {
            request: pending.request,
            visible_at: pending.visible_at,
            body: pending.write.to_json(),
        }
    }
}
