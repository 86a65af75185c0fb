//! One store: its profiles, their identity index and their events, kept consistent.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::{OrdMap, OrdSet, Vector};
use serde_json::{Value, json};

use super::access_token::Credentials;
use super::customer::{Customer, CustomerNumber};
use super::event::{Event, StoredEvent};
use super::history::{Change, FieldSet, History, MatchKind, Step};
use super::identifiers::{ExternalId, Identifier, Identifiers};
use super::identity_index::{IdentityIndex, Profiles};
use super::merge;
use super::page::Page;
use super::pagination::PageRequest;
use super::profile::Profile;

mod restore;
pub use restore::{Counters, MAX_NUMBER, RestoreError};

/// An event's place in the order of arrival, counted from one in each store.
pub type EventNumber = u64;

/// An accepted write.
#[derive(Clone, Debug)]
pub enum Write {
    /// Creates or updates a customer; unset fields keep their values.
    Customer(Customer),
    /// Creates or updates the event's customer and stores the event.
    Event(Event, Customer),
}

impl Write {
    /// The write as a client might have sent it.
    pub fn to_json(&self) -> Value {
        match self {
            Write::Customer(customer) => json!({ "customer": customer.to_write() }),
            Write::Event(event, customer) => json!({ "customer_event": event.to_json(customer.to_write()) }),
        }
    }
}

/// Everything that one store holds.
///
/// The maps are persistent: a clone shares them, and a later change copies only the nodes on its path.
#[derive(Clone, Debug, Default)]
pub struct StoreState {
    pub(crate) credentials: Credentials,
    profiles: Profiles,
    index: IdentityIndex,
    events: OrdMap<EventNumber, StoredEvent>,
    /// The events by their unique ids.
    event_ids: OrdMap<Arc<str>, EventNumber>,
    events_by_profile: OrdSet<(CustomerNumber, EventNumber)>,
    last_profile: CustomerNumber,
    last_event: EventNumber,
    /// The number of applied writes.
    writes: u64,
    /// Accepted but not yet applied, in the order of acceptance.
    pending: Vector<Pending>,
}

/// The origin of a write.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The number of its request.
    pub request: u64,
    /// When it becomes visible.
    pub at: DateTime<Utc>,
}

impl Origin {
    fn step(self, change: Change, fields: FieldSet) -> Step {
        Step { request: self.request, at: self.at, change, fields }
    }
}

/// The result of an applied write.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The profile that was created or updated.
    pub number: CustomerNumber,
    pub match_kind: MatchKind,
    /// The profiles that were merged into it, in this order, with their identifiers.
    pub merged: Vec<(CustomerNumber, Identifiers)>,
}

/// A write that was accepted and is not yet visible.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The number of its request.
    pub request: u64,
    /// It is applied at this time, or together with the write before it if that is later.
    pub visible_at: DateTime<Utc>,
    pub write: Arc<Write>,
}

impl StoreState {
    /// An empty store with a secret, or without one.
    pub fn with_secret(secret: Option<String>) -> StoreState {
        StoreState { credentials: Credentials::new(secret), ..StoreState::default() }
    }

    /// Accepts a write that is visible to reads from `visible_at` on, but never before a write that was accepted earlier.
    pub fn accept(&mut self, write: Write, request: u64, visible_at: DateTime<Utc>, now: DateTime<Utc>) {
        self.settle(now);
        if visible_at <= now && self.pending.is_empty() {
            self.apply(write, Origin { request, at: now });
        } else {
            self.pending.push_back(Pending { request, visible_at, write: Arc::new(write) });
        }
    }

    /// Applies the writes whose delay is over; returns their number.
    pub fn settle(&mut self, now: DateTime<Utc>) -> usize {
        let before = self.pending.len();
        while self.pending.front().is_some_and(|pending| pending.visible_at <= now) {
            let pending = self.pending.pop_front().expect("the vector has a front");
            let origin = Origin { request: pending.request, at: pending.visible_at };
            self.apply(Arc::unwrap_or_clone(pending.write), origin);
        }
        before - self.pending.len()
    }

    /// The accepted writes that are not yet visible, in the order of acceptance.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter()
    }

    /// Applies a write at once.
    pub fn apply(&mut self, write: Write, origin: Origin) -> Outcome {
        match write {
            Write::Customer(customer) => self.upsert(customer, origin),
            Write::Event(event, customer) => {
                let outcome = self.upsert(customer, origin);
                self.put_event(event, outcome.number);
                outcome
            }
        }
    }

    /// Creates or updates the customer that a write identifies, and merges into it all anonymous customers that share an
    /// identifier with it.
    fn upsert(&mut self, write: Customer, origin: Origin) -> Outcome {
        let identifiers = write.identifiers();
        let target = self.index.target(&identifiers, &self.profiles).cloned();
        let before = target.as_deref().map(Profile::identifiers);
        let match_kind = MatchKind::new(&identifiers, before);
        let fields = FieldSet::from_customer(&write);
        let (number, mut customer) = match &target {
            Some(profile) => (profile.number(), merge::fill(write, profile.customer())),
            None => (self.last_profile + 1, write),
        };
        let identifiers = customer.identifiers();
        let changed = (before != Some(&identifiers)).then(|| Box::new(identifiers));
        let change = Change::Written { match_kind, identifiers: changed };
        let mut steps = vec![origin.step(change, fields)];
        let mut merged = Vec::new();
        while let Some(next) = self.index.next_to_merge(number, &customer.identifiers(), &self.profiles) {
            let other = self.remove(next);
            let had = FieldSet::from_customer(&customer);
            customer = merge::fill(customer, other.customer());
            let change = Change::Merged { number: next, identifiers: Box::new(other.identifiers().clone()) };
            steps.push(origin.step(change, FieldSet::from_customer(&customer).without(had)));
            self.move_events(next, number);
            merged.push((next, other.identifiers().clone()));
        }
        let empty = History::default();
        let history = target.as_deref().map_or(&empty, Profile::history).extended(steps);
        self.write(number, customer, history);
        Outcome { number, match_kind, merged }
    }

    /// Adds a customer as it is, without merging; returns its number. Seeds do so.
    pub fn append(&mut self, customer: Customer) -> CustomerNumber {
        self.write(self.last_profile + 1, customer, History::default());
        self.last_profile
    }

    /// Replaces a customer, without filling or merging.
    pub fn replace(&mut self, number: CustomerNumber, customer: Customer) {
        debug_assert!(self.profiles.contains_key(&number), "only an existing customer is replaced");
        self.write(number, customer, History::default());
    }

    fn write(&mut self, number: CustomerNumber, customer: Customer, history: History) {
        self.writes += 1;
        self.put(Profile::new(number, self.writes, customer, history));
    }

    fn put(&mut self, profile: Profile) {
        let profile = Arc::new(profile);
        self.last_profile = self.last_profile.max(profile.number());
        match self.profiles.insert(profile.number(), profile.clone()) {
            Some(before) if before.identifiers() == profile.identifiers() => {}
            Some(before) => {
                self.index.remove(&before);
                self.index.insert(&profile);
            }
            None => self.index.insert(&profile),
        }
    }

    fn remove(&mut self, number: CustomerNumber) -> Arc<Profile> {
        let profile = self.profiles.remove(&number).expect("the index holds only existing profiles");
        self.index.remove(&profile);
        profile
    }

    /// Stores an event of a customer. It overrides an event with the same unique id, also one of another customer.
    pub fn put_event(&mut self, event: Event, customer: CustomerNumber) {
        let number = self.event_number(&event.unique_id).unwrap_or(self.last_event + 1);
        self.put_event_at(number, event, customer);
    }

    fn put_event_at(&mut self, number: EventNumber, event: Event, customer: CustomerNumber) {
        self.last_event = self.last_event.max(number);
        self.event_ids.insert(event.unique_id.as_str().into(), number);
        if let Some(before) = self.events.insert(number, StoredEvent::new(&event, customer)) {
            self.events_by_profile.remove(&(before.customer(), number));
        }
        self.events_by_profile.insert((customer, number));
    }

    fn event_number(&self, unique_id: &str) -> Option<EventNumber> {
        self.event_ids.get(unique_id).copied()
    }

    fn move_events(&mut self, from: CustomerNumber, to: CustomerNumber) {
        let moved = self.events_by_profile.range((from, 0)..=(from, EventNumber::MAX));
        let moved: Vec<_> = moved.map(|(_, number)| *number).collect();
        for number in moved {
            self.events_by_profile.remove(&(from, number));
            self.events_by_profile.insert((to, number));
            let event = self.events.get_mut(&number).expect("the index holds only existing events");
            *event = event.moved(to);
        }
    }

    /// The customers of one page.
    pub fn page(&self, request: &PageRequest) -> Page {
        let PageRequest { filter, after, limit, .. } = request;
        let find = |identifier| self.index.find(identifier, *after, &self.profiles);
        let matches = |profile: &&Arc<Profile>| filter.matches_contact(profile.identifiers());
        let contact = filter.email.as_ref().map(Identifier::Email);
        let contact = contact.or(filter.phone_number.as_ref().map(Identifier::PhoneNumber));
        match (&filter.external_ids, contact) {
            (Some(ids), _) => {
                let found = ids.iter().filter_map(|id| find(Identifier::ExternalId(id)).next());
                let mut found: Vec<_> = found.filter(matches).collect();
                found.sort_unstable_by_key(|profile| profile.number());
                found.dedup_by_key(|profile| profile.number());
                Page::new(found.into_iter(), *limit)
            }
            (None, Some(contact)) => Page::new(find(contact).filter(matches), *limit),
            (None, None) => Page::new(self.customers(*after), *limit),
        }
    }

    /// The customer that identifiers mean where nothing is written: by external id, else the one written last.
    pub fn find(&self, identifiers: &Identifiers) -> Option<CustomerNumber> {
        let profile = match &identifiers.external_id {
            Some(id) => self.index.find(Identifier::ExternalId(id), 0, &self.profiles).next(),
            None => self.index.target(identifiers, &self.profiles),
        };
        profile.map(|profile| profile.number())
    }

    /// The oldest customer with a number above `after` and exactly these identifiers, without an external id.
    pub fn find_anonymous(&self, identifiers: &Identifiers, after: CustomerNumber) -> Option<CustomerNumber> {
        let found = self.index.find_exact(identifiers, after, &self.profiles);
        found.map(|profile| profile.number())
    }

    pub fn has_external_id(&self, id: &str) -> bool {
        let id = ExternalId::for_lookup(id);
        let mut found = self.index.find(Identifier::ExternalId(&id), 0, &self.profiles);
        found.next().is_some()
    }

    pub fn customer(&self, number: CustomerNumber) -> Option<&Arc<Profile>> {
        self.profiles.get(&number)
    }

    /// The customers with numbers above `after`, in the order of creation.
    pub fn customers(&self, after: CustomerNumber) -> impl Iterator<Item = &Arc<Profile>> {
        self.profiles.range(after + 1..).map(|(_, profile)| profile)
    }

    /// The customers with all of these identifiers and numbers above `after`, in the order of creation.
    pub fn customers_with<'a>(
        &'a self,
        wanted: &'a Identifiers,
        after: CustomerNumber,
    ) -> Box<dyn Iterator<Item = &'a Arc<Profile>> + 'a> {
        match wanted.iter().next() {
            Some(first) => {
                let found = self.index.find(first, after, &self.profiles);
                Box::new(found.filter(|profile| wanted.are_in(profile.identifiers())))
            }
            None => Box::new(self.customers(after)),
        }
    }

    /// The customers that a write with these identifiers means: one, or those of the email and of the phone number if there is
    /// no external id to decide between them.
    pub fn matching_write(&self, identifiers: &Identifiers) -> Vec<Arc<Profile>> {
        let targets = match identifiers {
            Identifiers { external_id: None, email: Some(email), phone_number: Some(number) } => {
                let by_email = Identifiers { email: Some(email.clone()), ..Identifiers::default() };
                let by_number = Identifiers { phone_number: Some(number.clone()), ..Identifiers::default() };
                vec![by_email, by_number]
            }
            _ => vec![identifiers.clone()],
        };
        let mut found: Vec<_> =
            targets.iter().filter_map(|identifiers| self.index.target(identifiers, &self.profiles).cloned()).collect();
        found.dedup_by_key(|profile| profile.number());
        found
    }

    /// The number of the customer created last; 0 if there was none.
    pub fn last_customer(&self) -> CustomerNumber {
        self.last_profile
    }

    pub fn has_event(&self, unique_id: &str) -> bool {
        self.event_ids.contains_key(unique_id)
    }

    /// The event with a unique id, and its customer.
    pub fn event(&self, unique_id: &str) -> Option<(Event, &Profile)> {
        let event = &self.events[&self.event_number(unique_id)?];
        Some((event.event(), &self.profiles[&event.customer()]))
    }

    /// The events with numbers above `after`, in the order of arrival, and their customers.
    pub fn events(&self, after: EventNumber) -> impl Iterator<Item = (EventNumber, Event, &Profile)> {
        let events = self.events.range(after + 1..);
        events.map(|(number, event)| (*number, event.event(), &*self.profiles[&event.customer()]))
    }

    /// The numbers of customers and events.
    pub fn counts(&self) -> (usize, usize) {
        (self.profiles.len(), self.events.len())
    }

    /// Compares the indexes with the profiles and the events.
    ///
    /// # Panics
    ///
    /// If they disagree.
    #[cfg(any(test, feature = "internals"))]
    pub fn audit(&self) {
        self.index.audit(&self.profiles);
        let events = || self.events.iter().map(|(number, stored)| (*number, stored));
        let by_id: OrdMap<Arc<str>, EventNumber> =
            events().map(|(number, stored)| (Arc::from(stored.event().unique_id), number)).collect();
        assert_eq!(self.event_ids, by_id, "exactly the events are indexed by unique id");
        let by_profile: OrdSet<_> = events().map(|(number, stored)| (stored.customer(), number)).collect();
        assert_eq!(self.events_by_profile, by_profile, "exactly the events are indexed by customer");
        let has_customer = |event: &StoredEvent| self.profiles.contains_key(&event.customer());
        assert!(self.events.values().all(has_customer), "no event is orphaned");
    }
}
