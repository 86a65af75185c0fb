//! The customers and events of a store: seeding, reading, and explaining them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Store;
use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use crate::domain::store::{Pending, StoreState};
use crate::mock::customer::Customer;
use crate::mock::event::Event;
use crate::mock::explanation::{Explanation, LineageStep};
use crate::mock::seed_summary::SeedSummary;
use crate::world::generate::{self, GenerateRequest};

impl Store {
    /// Adds customers. A customer replaces the one with the same external id; one without an external id replaces the oldest
    /// such customer with exactly the same e-mail address and phone number.
    ///
    /// # Panics
    ///
    /// If a customer has an unknown field or an invalid value, or two have the same external id. Then none is added.
    #[track_caller]
    pub fn seed(&self, customers: impl IntoIterator<Item: Into<Customer>>) -> SeedSummary {
        let customers: Vec<_> = customers.into_iter().map(|customer| customer.into().to_json()).collect();
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
        assert!(customers <= MAX && events <= MAX, "at most {MAX} customers and {MAX} events are generated at a time");
        let request = GenerateRequest { customers, events, seed };
        if let Err(error) = self.inner.world.generate(&self.id, request) {
            panic!("nothing is generated for store `{}`: {error}", self.id);
        }
    }

    /// The customer with an external id. Delayed writes are not visible, as in the API.
    pub fn customer(&self, external_id: &str) -> Option<Customer> {
        self.find(Identifiers { external_id: Some(ExternalId::for_lookup(external_id)), ..Identifiers::default() })
    }

    /// The customer with an e-mail address, compared case-insensitively; of several, the last written.
    pub fn customer_by_email(&self, email: &str) -> Option<Customer> {
        self.find(Identifiers { email: Some(Email::for_lookup(email)), ..Identifiers::default() })
    }

    /// The customer with a phone number; of several, the last written.
    pub fn customer_by_phone_number(&self, number: &str) -> Option<Customer> {
        self.find(Identifiers { phone_number: Some(PhoneNumber::for_lookup(number)), ..Identifiers::default() })
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
            events.map(|(_, event, customer)| Event::from_stored(&event, customer.identifiers())).collect()
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
    pub fn lineage(&self, customer: &Customer) -> Vec<LineageStep> {
        let number = customer.number().unwrap_or_default();
        self.with_store(|state| {
            let profile = state.customer(number)?;
            Some(profile.history().steps().iter().map(LineageStep::new).collect())
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
        PendingWrite { request: pending.request, visible_at: pending.visible_at, body: pending.write.to_json() }
    }
}
