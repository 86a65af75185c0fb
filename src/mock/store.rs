//! One store of a running emulator, as a Rust test holds it.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::customer::Customer;
use super::event::Event;
use super::explanation::{Explanation, Step, customer_of};
use super::fault::{AddedFault, Fault};
use super::requests::Requests;
use super::snapshot::Snapshot;
use super::{Inner, SeedSummary, Setting, Settings};
use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use crate::domain::operation::Operation;
use crate::domain::store::{Pending, StoreState};
use crate::world::ResetTo;
use crate::world::generate::GenerateRequest;
use crate::world::report::Report;
use crate::world::settings::SettingsOverrides;

/// What is encoded in a path's segment: everything that is not unreserved in RFC 3986.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A store of a running emulator: a world of its own, with customers, events, tokens, settings, faults and time that no other
/// store shares.
///
/// It comes from [`YotpoMock::store`](crate::YotpoMock::store). Clones are the same store, and may go to other threads. When a
/// test panics while it holds one, the store's latest requests are printed; see
/// [`journal_on_panic`](crate::Builder::journal_on_panic).
///
/// ```
/// use yotpo_mock::{Customer, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
/// // …point your integration at `store.url()`, `store.id()` and `store.secret()`, and look at what it did:
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
    pub(super) fn of(inner: &Arc<Inner>, id: String) -> Store {
        assert!(!id.is_empty(), "a store has an id that is not empty");
        let secret = inner.world.secret_or_declare(&id, || format!("secret-of-{id}"));
        Store {
            inner: inner.clone(),
            // Any text is the secret of a store that has none.
            secret: secret.unwrap_or_else(|| "any".to_owned()),
            id,
        }
    }

    /// The store's id, as the vendor's paths have it.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.store("shop").id(), "shop");
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret that gets an access token.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().store("shop", "s3cret").start();
    /// assert_eq!(yotpo.store("shop").secret(), "s3cret");
    /// ```
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Where its emulator listens, as [`YotpoMock::url`](crate::YotpoMock::url) tells it.
    ///
    /// ```
    /// # use yotpo_mock::YotpoMock;
    /// let store = YotpoMock::shared().new_store();
    /// // …goes to your integration:
    /// let config = (store.url(), store.id(), store.secret());
    /// # assert_eq!(config.0, YotpoMock::shared().url());
    /// ```
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Where the vendor's paths for this store begin, without a slash at the end.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let customers = format!("{}/customers", yotpo.store("shop").api_url());
    /// assert_eq!(customers, format!("{}/core/v3/stores/shop/customers", yotpo.url()));
    /// ```
    pub fn api_url(&self) -> String {
        let id = utf8_percent_encode(&self.id, IN_PATH);
        format!("{}/core/v3/stores/{id}", self.inner.url)
    }

    /// Issues an access token; it lives 14 days of the store's time.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let token = yotpo.store("shop").access_token();
    /// // …goes into the header `X-Yotpo-Token`.
    /// # assert!(token.ends_with("_shop"));
    /// ```
    pub fn access_token(&self) -> String {
        self.inner.world.call().store_scope(&self.id).issue_token()
    }

    /// Adds customers, or puts them in the place of those they name, as `POST /_mock/seed` does: by external id, without one
    /// in the place of the oldest unclaimed customer with exactly the same e-mail and phone number.
    ///
    /// # Panics
    ///
    /// If a customer has a field that there is not, or a value that a field cannot have, or an external id stands twice; then
    /// nothing is added.
    ///
    /// ```
    /// use yotpo_mock::Customer;
    ///
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let store = yotpo.store("shop");
    /// let seeded = store.seed([Customer::builder().external_id("c-1").build()]);
    /// assert_eq!(seeded.customers_created, 1);
    /// ```
    #[track_caller]
    pub fn seed(&self, customers: impl IntoIterator<Item: Into<Customer>>) -> SeedSummary {
        let customers: Vec<_> = customers
            .into_iter()
            .map(|customer| customer.into().to_json())
            .collect();
        self.seed_json(json!({ "customers": customers }))
    }

    /// Adds events, each to a customer that is there, or puts them in the place of those with their unique id.
    ///
    /// # Panics
    ///
    /// If an event names no customer of the store, or has a value that a field cannot have; then nothing is added.
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
        // Not by a closure, which would be named as the place of the panic.
        match self.inner.world.seed(&json!({ "stores": [store] }).to_string()) {
            Ok(mut seeded) => seeded.remove(&self.id).map(SeedSummary::of).unwrap_or_default(),
            Err(error) => panic!("store `{}` cannot be seeded so: {error}", self.id),
        }
    }

    /// Generates so many customers and events, plausible and varied, and appends them; at most a million of each at a time.
    /// The same seed gives the same to a store with the same content.
    ///
    /// # Panics
    ///
    /// If events are asked for where there are no customers, or there are too many of either.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let store = yotpo.store("shop");
    /// store.generate(100, 10, 42);
    /// assert_eq!((store.customers().len(), store.events().len()), (100, 10));
    /// ```
    #[track_caller]
    pub fn generate(&self, customers: u64, events: u64, seed: u64) {
        const MOST: u64 = crate::world::generate::MOST;
        assert!(
            customers <= MOST && events <= MOST,
            "at most {MOST} customers and {MOST} events are generated at a time"
        );
        let order = GenerateRequest {
            customers,
            events,
            seed,
        };
        if let Err(error) = self.inner.world.generate(&self.id, order) {
            panic!("nothing is generated for store `{}`: {error}", self.id);
        }
    }

    /// The customer with an external id, with everything that is known of it. A write whose delay is not over does not show.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.store("shop").customer("c-1").is_none());
    /// ```
    pub fn customer(&self, external_id: &str) -> Option<Customer> {
        self.find(Identifiers {
            external_id: Some(ExternalId::for_lookup(external_id)),
            ..Identifiers::default()
        })
    }

    /// The customer with an e-mail address, compared without case; of several, the one that was written last.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.store("shop").customer_by_email("ann@example.com").is_none());
    /// ```
    pub fn customer_by_email(&self, email: &str) -> Option<Customer> {
        self.find(Identifiers {
            email: Some(Email::for_lookup(email)),
            ..Identifiers::default()
        })
    }

    /// The customer with a phone number; of several, the one that was written last.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.store("shop").customer_by_phone_number("+14155552671").is_none());
    /// ```
    pub fn customer_by_phone_number(&self, number: &str) -> Option<Customer> {
        self.find(Identifiers {
            phone_number: Some(PhoneNumber::for_lookup(number)),
            ..Identifiers::default()
        })
    }

    fn find(&self, named: Identifiers) -> Option<Customer> {
        let found = |state: &StoreState| state.customer(state.find(&named)?).cloned();
        self.with_store(found).map(|profile| customer_of(&profile))
    }

    /// All customers in the order of their creation.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.store("shop").customers(), []);
    /// ```
    pub fn customers(&self) -> Vec<Customer> {
        let customers: Vec<_> = self.with_store(|state| state.customers(0).cloned().collect());
        customers.iter().map(customer_of).collect()
    }

    /// The event with a unique id.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.store("shop").event("r-1").is_none());
    /// ```
    pub fn event(&self, unique_id: &str) -> Option<Event> {
        self.with_store(|state| {
            let found = state.event(unique_id);
            found.map(|(event, of)| Event::of(&event, &of))
        })
    }

    /// All events in the order in which they came.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let returned = yotpo.store("shop").events().into_iter().filter(|event| event.event_type() == "item_returned");
    /// assert_eq!(returned.count(), 0);
    /// ```
    pub fn events(&self) -> Vec<Event> {
        self.with_store(|state| state.events(0).map(|(_, event, of)| Event::of(&event, &of)).collect())
    }

    /// The writes that are accepted and do not show yet, in the order in which they will.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// for write in yotpo.store("shop").pending_writes() {
    ///     println!("request {} shows at {}: {}", write.request, write.visible_at, write.body);
    /// }
    /// ```
    pub fn pending_writes(&self) -> Vec<PendingWrite> {
        self.with_store(|state| state.pending().map(PendingWrite::of).collect())
    }

    /// Looks at the store as it is now.
    fn with_store<T: Default>(&self, look: impl FnOnce(&StoreState) -> T) -> T {
        // A state that knows nothing of the store may have been put back since.
        self.inner.world.with_store(&self.id, look).unwrap_or_default()
    }

    /// How a customer came to be what it is: the last 32 steps, the first of them first; none for what was seeded, for one
    /// that was merged into another since, or for one that comes from a builder.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// # store.seed([yotpo_mock::Customer::builder().external_id("c-1").build()]);
    /// let customer = store.customer("c-1").unwrap();
    /// assert!(store.lineage(&customer).is_empty(), "it was seeded");
    /// ```
    pub fn lineage(&self, customer: &Customer) -> Vec<Step> {
        let number = customer.number().unwrap_or_default();
        let steps = |state: &StoreState| {
            let profile = state.customer(number)?;
            Some(profile.steps().iter().map(Step::of).collect())
        };
        self.with_store(steps).unwrap_or_default()
    }

    /// What a write would come to, by its body: `{"customer":{…}}` or `{"customer_event":{…}}`. Nothing is written.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// use serde_json::json;
    ///
    /// let both = json!({"customer": {"email": "ann@example.com", "phone_number": "+14155552671"}});
    /// assert_eq!(store.explain(&both).broken_rules[0].rule.id, "customer.identifier.ambiguous");
    /// ```
    pub fn explain(&self, body: &Value) -> Explanation {
        Explanation::of(self.inner.world.call().store_scope(&self.id).explain(body))
    }

    /// The requests to this store that are in the journal, to be narrowed and counted.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.store("shop").requests().upserts().assert_count(0);
    /// ```
    pub fn requests(&self) -> Requests {
        Requests::of(&self.inner.world, Some(&self.id))
    }

    /// Forgets the requests to this store; numbers go on, and the report stays.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.store("shop").forget_requests();
    /// ```
    pub fn clear_requests(&self) {
        self.inner.world.journal.clear(Some(&self.id));
    }

    /// What was counted of this store.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.store("shop").report().requests(), 0);
    /// ```
    pub fn report(&self) -> Report {
        self.inner.world.report.report(Some(&self.id))
    }

    /// Begins anew to count this store.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.store("shop").forget_report();
    /// ```
    pub fn clear_report(&self) {
        self.inner.world.report.clear(Some(&self.id));
    }

    /// Lets a fault strike the next request of an operation to this store; more of them by [`Fault::times`].
    ///
    /// # Panics
    ///
    /// If the fault is impossible, or there are 1,000 already.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::{Fault, Operation};
    ///
    /// yotpo.store("shop").fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2));
    /// ```
    #[track_caller]
    pub fn fail_next(&self, operation: Operation, fault: Fault) -> AddedFault {
        self.add_fault(fault.on(operation).once())
    }

    /// Lets a fault strike requests to this store.
    ///
    /// # Panics
    ///
    /// If the fault is impossible, or there are 1,000 already.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::Fault;
    ///
    /// yotpo.store("shop").add_fault(Fault::status(500).probability(0.1, 7));
    /// ```
    #[track_caller]
    pub fn add_fault(&self, fault: Fault) -> AddedFault {
        fault.of_store(&self.id).add_to(&self.inner.world)
    }

    /// The faults that are for this store only, the oldest first.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.store("shop").faults().iter().all(|fault| fault.is_over()), "a fault was never met");
    /// ```
    pub fn faults(&self) -> Vec<AddedFault> {
        AddedFault::all(&self.inner.world, Some(&self.id))
    }

    /// Removes the faults that are for this store only.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.store("shop").clear_faults();
    /// ```
    pub fn clear_faults(&self) {
        self.inner.world.memory().faults.clear(Some(&self.id));
    }

    /// The time of this store.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.store("shop").now() >= yotpo.now() - chrono::TimeDelta::seconds(1));
    /// ```
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.world.now_of(&self.id)
    }

    /// Moves the time of this store forward, and of no other: its tokens expire, its rate window closes, its delayed writes
    /// appear.
    ///
    /// # Panics
    ///
    /// If that leads beyond the year 9000.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use std::time::Duration;
    ///
    /// let (shop, other) = (yotpo.store("shop"), yotpo.store("other"));
    /// shop.advance(Duration::from_secs(15 * 24 * 3600)); // its tokens are dead now
    /// assert!(shop.now() > other.now());
    /// ```
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        self.inner.advance(Some(&self.id), by);
    }

    /// Sets the time of this store to a later moment.
    ///
    /// # Panics
    ///
    /// If it is later than that already, since a clock never goes back, or the moment is beyond the year 9000.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// store.set_time("2040-01-01T00:00:00Z".parse().unwrap());
    /// assert!(store.now() > yotpo.now());
    /// ```
    #[track_caller]
    pub fn set_time(&self, moment: DateTime<Utc>) {
        self.inner.set_time(Some(&self.id), moment);
    }

    /// Makes every accepted write visible now; gives their number.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.store("shop").settle(), 0);
    /// ```
    pub fn settle(&self) -> usize {
        self.inner.world.settle(Some(&self.id))
    }

    /// What holds for this store.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.store("shop").settings().rate_limit, 0);
    /// ```
    pub fn settings(&self) -> Settings {
        self.inner.world.memory().settings(Some(&self.id))
    }

    /// Changes a setting for this store.
    ///
    /// # Panics
    ///
    /// If the value is one that it cannot have.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::Setting;
    ///
    /// yotpo.store("shop").set(Setting::RateLimit(5));
    /// ```
    #[track_caller]
    pub fn set(&self, setting: Setting) {
        self.inner.set(Some(&self.id), setting);
    }

    /// Takes back what was changed for this store: what holds for all stores holds for it.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// store.set(yotpo_mock::Setting::RateLimit(5));
    /// store.unset_all();
    /// assert_eq!(store.settings(), yotpo.settings());
    /// ```
    pub fn clear_settings(&self) {
        self.inner
            .world
            .memory()
            .set_overrides(Some(&self.id), SettingsOverrides::default());
    }

    /// Goes back to how this store started: its seed, or else nothing but its secret. Its settings and faults go, too; journal,
    /// report and time stay.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// store.generate(10, 0, 1);
    /// store.reset();
    /// assert!(store.customers().is_empty());
    /// ```
    pub fn reset(&self) {
        self.inner.world.reset(Some(&self.id), ResetTo::Seed);
    }

    /// Goes back to nothing but the store's secret.
    ///
    /// ```
    /// let seed = r#"{"store":"shop","customer":{"external_id":"c-1"}}"#;
    /// let yotpo = yotpo_mock::YotpoMock::builder().seed(seed).start();
    /// let store = yotpo.store("shop");
    /// store.reset_to_empty();
    /// assert!(store.customers().is_empty());
    /// ```
    pub fn reset_to_empty(&self) {
        self.inner.world.reset(Some(&self.id), ResetTo::Empty);
    }

    /// Keeps what this store is now, however large it is, at next to no cost: customers, events, tokens, settings, faults and
    /// time.
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

    /// Puts what a state document says of this store in the place of what is there; others stay as they are.
    ///
    /// # Errors
    ///
    /// What is wrong with the document, or that it tells nothing of this store. Then nothing is changed.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// let document = store.snapshot().to_json();
    /// store.restore_json(&document).unwrap();
    /// ```
    pub fn restore_json(&self, document: &str) -> Result<(), String> {
        self.inner.world.put_document(Some(&self.id), document)
    }

    /// Puts back what this store was; others stay as they are. Cursors from before are refused, and so are tokens that it issued
    /// since.
    ///
    /// # Panics
    ///
    /// If the snapshot knows nothing of this store.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// # let store = yotpo.store("shop");
    /// let all = yotpo.snapshot();
    /// store.restore(&all);
    /// ```
    #[track_caller]
    pub fn restore(&self, snapshot: &Snapshot) {
        let put = self.inner.world.restore_store(&self.id, snapshot.state());
        if let Err(reason) = put {
            panic!("the snapshot cannot be restored: {reason}");
        }
    }
}

/// Its id and where it is, and nothing secret.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut store = f.debug_struct("Store");
        store
            .field("id", &self.id)
            .field("url", &self.inner.url)
            .finish_non_exhaustive()
    }
}

/// A write that is accepted and does not show yet.
///
/// ```
/// # let yotpo = yotpo_mock::YotpoMock::start();
/// let waiting: Vec<u64> = yotpo.store("shop").pending_writes().iter().map(|write| write.request).collect();
/// # assert!(waiting.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PendingWrite {
    /// The number of the request that it came with.
    pub request: u64,
    /// When it shows, or when one that was accepted before it does, whichever is later; by the store's clock.
    pub visible_at: DateTime<Utc>,
    /// The write as a client might have sent it: `{"customer":{…}}` or `{"customer_event":{…}}`.
    pub body: Value,
}

impl PendingWrite {
    fn of(pending: &Pending) -> PendingWrite {
        PendingWrite {
            request: pending.request,
            visible_at: pending.visible_at,
            body: pending.write.to_json(),
        }
    }
}

/// Prints the store's latest requests if the test that holds it is panicking.
impl Drop for Store {
    fn drop(&mut self) {
        if thread::panicking() {
            self.inner.print_journal(Some(&self.id));
        }
    }
}
