//! One merchant's store: its profiles, their index and their events, kept in step.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::{OrdMap, OrdSet, Vector};
use serde_json::{Value, json};

use super::access_token::Credentials;
use super::customer::{Customer, CustomerNumber};
use super::event::{Event, StoredEvent};
use super::history::{self, Change, Fields, History, MatchKind, Step};
use super::identifiers::Identifiers;
use super::identity::{Identifier, IdentifiersRef, IdentityIndex, Key, key_of, numbers};
use super::merge;
use super::page::Page;
use super::pagination::{Filter, PageRequest};
use super::profile::Profile;
use super::profiles::Profiles;

/// An event's place in the order in which events came.
pub type EventNumber = u64;

/// A write that was accepted.
#[derive(Clone, Debug)]
pub enum Write {
    /// Creates or updates a customer; unset fields stay as they are.
    Customer(Customer),
    /// Does the same, and keeps the event.
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

/// Everything that one store remembers.
///
/// A clone costs next to nothing: the maps are persistent, and what is written later copies only the paths to it.
#[derive(Clone, Debug, Default)]
pub struct StoreState {
    pub(crate) credentials: Credentials,
    profiles: Profiles,
    index: IdentityIndex,
    events: OrdMap<EventNumber, StoredEvent>,
    event_ids: OrdSet<(Key, EventNumber)>,
    events_by_profile: OrdSet<(CustomerNumber, EventNumber)>,
    last_profile: CustomerNumber,
    last_event: EventNumber,
    /// How many writes were applied.
    writes: u64,
    /// Accepted and not yet applied, in the order of acceptance.
    pending: Vector<Pending>,
}

/// Where a write comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The number of its request.
    pub request: u64,
    /// When it shows.
    pub at: DateTime<Utc>,
}

impl Origin {
    /// The step that a write from here is in a story.
    fn step(self, what: Change, fields: Fields) -> Step {
        Step {
            request: self.request,
            at: self.at,
            what,
            fields,
        }
    }
}

/// What a write came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The profile that it created or updated.
    pub number: CustomerNumber,
    pub how: MatchKind,
    /// The profiles that were merged into that one, in their order, and what named them.
    pub merged: Vec<(CustomerNumber, Identifiers)>,
}

/// A write that was accepted and does not show yet.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The number of the request that it came with.
    pub request: u64,
    /// It is applied at this time, or when one that was accepted before it is, whichever is later.
    pub visible_at: DateTime<Utc>,
    pub write: Arc<Write>,
}

impl StoreState {
    /// A store of which nothing is known but its secret.
    pub fn declared(secret: Option<String>) -> StoreState {
        StoreState {
            credentials: Credentials::declared(secret),
            ..StoreState::default()
        }
    }

    /// Accepts a write that shows in reads from `visible_at` on, and never before one that was accepted earlier.
    pub fn accept(&mut self, write: Write, request: u64, visible_at: DateTime<Utc>, now: DateTime<Utc>) {
        self.settle(now);
        if visible_at <= now && self.pending.is_empty() {
            self.apply(write, Origin { request, at: now });
        } else {
            self.pending.push_back(Pending {
                request,
                visible_at,
                write: Arc::new(write),
            });
        }
    }

    /// Applies the writes whose delay is over; gives their number.
    pub fn settle(&mut self, now: DateTime<Utc>) -> usize {
        let before = self.pending.len();
        while self.pending.front().is_some_and(|pending| pending.visible_at <= now) {
            let pending = self.pending.pop_front().expect("the front was just looked at");
            let origin = Origin {
                request: pending.request,
                at: pending.visible_at,
            };
            self.apply(Arc::unwrap_or_clone(pending.write), origin);
        }
        before - self.pending.len()
    }

    /// The writes that were accepted and do not show yet, in the order of acceptance.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter()
    }

    /// Applies a write; tells what it came to.
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

    /// Creates or updates the customer that the write means, and merges into it whom it turns out to be.
    fn upsert(&mut self, write: Customer, origin: Origin) -> Outcome {
        let names = IdentifiersRef::from(&write);
        let target = self.index.target(&names, &self.profiles).cloned();
        let before = target.as_ref().map(|profile| profile.names());
        let how = MatchKind::of(&names, before.as_ref());
        let now_named = names.or(before.clone().unwrap_or_default());
        let what = Change::Written {
            how,
            named: (before.as_ref() != Some(&now_named)).then(|| now_named.to_identifiers()),
        };
        let (number, history) = match &target {
            Some(profile) => (profile.number(), profile.history().clone()),
            None => (self.last_profile + 1, None),
        };
        let history = history::told(history, origin.step(what, Fields::of(&write)));
        let mut merged = Vec::new();
        let next = self.index.next_to_merge(number, &now_named, &self.profiles);
        match (target, next) {
            (target, Some(next)) => {
                let customer = match target {
                    Some(profile) => merge::fill(write, profile.customer()),
                    None => write,
                };
                merged = self.merge(number, customer, history, next, origin);
            }
            (Some(profile), None) => {
                self.writes += 1;
                self.put(profile.rewritten(self.writes, write, history));
            }
            (None, None) => self.write(number, write, history),
        }
        Outcome { number, how, merged }
    }

    /// Merges into a customer whom it turned out to be, and keeps it; gives those who were merged.
    fn merge(
        &mut self,
        number: CustomerNumber,
        mut customer: Customer,
        mut history: History,
        first: CustomerNumber,
        origin: Origin,
    ) -> Vec<(CustomerNumber, Identifiers)> {
        let mut merged = Vec::new();
        let mut next = Some(first);
        while let Some(other) = next {
            let other = self.remove(other);
            let identifiers = other.names().to_identifiers();
            let had = Fields::of(&customer);
            customer = merge::fill(customer, other.customer());
            let what = Change::Merged {
                number: other.number(),
                identifiers: identifiers.clone(),
            };
            history = history::told(history, origin.step(what, Fields::of(&customer).without(had)));
            self.move_events(other.number(), number);
            merged.push((other.number(), identifiers));
            next = self
                .index
                .next_to_merge(number, &IdentifiersRef::from(&customer), &self.profiles);
        }
        self.write(number, customer, history);
        merged
    }

    /// Puts a customer in as it is, without looking for whom it might be: the way of seeds.
    pub fn append(&mut self, customer: Customer) -> CustomerNumber {
        self.write(self.last_profile + 1, customer, None);
        self.last_profile
    }

    /// Puts a customer in the place of another one, as it is.
    pub fn replace(&mut self, number: CustomerNumber, customer: Customer) {
        debug_assert!(self.profiles.contains(number), "only who is there is replaced");
        self.write(number, customer, None);
    }

    /// The oldest unclaimed profile above a number with exactly these: what is not given, it must not have either.
    pub fn find_unclaimed(&self, identifiers: &Identifiers, after: CustomerNumber) -> Option<CustomerNumber> {
        self.index
            .exactly(&identifiers.into(), after, &self.profiles)
            .map(|profile| profile.number())
    }

    /// The number of the customer that was created last; 0 if none was.
    pub fn last_customer(&self) -> CustomerNumber {
        self.last_profile
    }

    /// Whether a customer has this external id.
    pub fn has_external_id(&self, id: &str) -> bool {
        self.index
            .find(Identifier::ExternalId(id), 0, &self.profiles)
            .next()
            .is_some()
    }

    /// Whether an event with this unique id is there.
    pub fn has_event(&self, unique_id: &str) -> bool {
        self.event_number(unique_id).is_some()
    }

    /// Whether nothing has changed since `copy` was cloned from this store; costs next to nothing. It may be told of a change
    /// that came to nothing, but none is missed: while the copy shares a map, a change makes another one.
    pub fn is_same_as(&self, copy: &StoreState) -> bool {
        // An index changes with what it leads to.
        let StoreState {
            credentials,
            profiles,
            index: _,
            events,
            event_ids: _,
            events_by_profile: _,
            last_profile,
            last_event,
            writes,
            pending,
        } = self;
        let is_pending_as = |(one, other): (&Pending, &Pending)| Arc::ptr_eq(&one.write, &other.write);
        *credentials == copy.credentials
            && profiles.ptr_eq(&copy.profiles)
            && events.ptr_eq(&copy.events)
            && pending.len() == copy.pending.len()
            && pending.iter().zip(&copy.pending).all(is_pending_as)
            && (last_profile, last_event, writes) == (&copy.last_profile, &copy.last_event, &copy.writes)
    }

    fn write(&mut self, number: CustomerNumber, customer: Customer, history: History) {
        self.writes += 1;
        self.put(Profile::new(number, self.writes, customer, history));
    }

    fn put(&mut self, profile: Profile) {
        self.last_profile = self.last_profile.max(profile.number());
        match self.profiles.insert(profile.clone()) {
            Some(before) => self.index.replace(&before, &profile, &self.profiles),
            None => self.index.insert(&profile, &self.profiles),
        }
    }

    fn remove(&mut self, number: CustomerNumber) -> Profile {
        let profile = self
            .profiles
            .remove(number)
            .expect("the index names only profiles that are there");
        self.index.remove(&profile, &self.profiles);
        profile
    }

    /// Keeps an event of a customer; a known unique id overrides the event that had it, also another customer's.
    pub fn put_event(&mut self, event: Event, customer: CustomerNumber) {
        let number = self.event_number(&event.unique_id).unwrap_or_else(|| {
            self.last_event += 1;
            self.event_ids.insert((key_of(&event.unique_id), self.last_event));
            self.last_event
        });
        let before = self.events.insert(number, StoredEvent::new(&event, customer));
        match before.map(|before| before.customer()) {
            Some(before) if before == customer => {}
            before => {
                before.map(|before| self.events_by_profile.remove(&(before, number)));
                self.events_by_profile.insert((customer, number));
            }
        }
    }

    fn event_number(&self, unique_id: &str) -> Option<EventNumber> {
        let key = key_of(unique_id);
        numbers(&self.event_ids, key, 0).find(|number| self.events[number].is_named(unique_id))
    }

    fn move_events(&mut self, from: CustomerNumber, to: CustomerNumber) {
        let moved: Vec<_> = numbers(&self.events_by_profile, from, 0).collect();
        for number in moved {
            self.events_by_profile.remove(&(from, number));
            self.events_by_profile.insert((to, number));
            let event = self
                .events
                .get_mut(&number)
                .expect("the index names only events that are there");
            *event = event.moved(to);
        }
    }

    /// The customers of one page.
    pub fn page(&self, request: &PageRequest) -> Page {
        let PageRequest {
            filter, after, limit, ..
        } = request;
        let by = |identifier| self.index.find(identifier, *after, &self.profiles);
        match (&filter.external_ids, &filter.email, &filter.phone_number) {
            (Some(ids), _, _) => {
                let found = ids
                    .iter()
                    .filter_map(|id| by(Identifier::ExternalId(id.as_str())).next());
                let mut found: Vec<_> = found.filter(|profile| filter.matches_shared(profile)).collect();
                found.sort_unstable_by_key(|profile| profile.number());
                found.dedup_by_key(|profile| profile.number());
                Page::new(found.into_iter(), *limit)
            }
            (None, Some(email), Some(number)) => {
                let found = self
                    .index
                    .find_both(email.as_str(), number.as_str(), *after, &self.profiles);
                Page::new(found, *limit)
            }
            (None, Some(email), None) => Page::new(by(Identifier::Email(email.as_str())), *limit),
            (None, None, Some(number)) => Page::new(by(Identifier::PhoneNumber(number.as_str())), *limit),
            (None, None, None) => Page::new(self.profiles.after(*after), *limit),
        }
    }

    /// The profile that an event names in a seed: by external id, else the one written last with that email or number.
    pub fn find(&self, identifiers: &Identifiers) -> Option<CustomerNumber> {
        let profile = match &identifiers.external_id {
            Some(id) => self
                .index
                .find(Identifier::ExternalId(id.as_str()), 0, &self.profiles)
                .next(),
            None => self.index.target(&identifiers.into(), &self.profiles),
        };
        profile.map(|profile| profile.number())
    }

    /// One customer, by its number.
    pub fn customer(&self, number: CustomerNumber) -> Option<&Profile> {
        self.profiles.get(number)
    }

    /// The customers in the order of creation, from the first with a number above `after`.
    pub fn customers(&self, after: CustomerNumber) -> impl Iterator<Item = &Profile> {
        self.profiles.after(after)
    }

    /// The events in the order in which they came, from the first with a number above `after`, each with its number and the
    /// identifiers of its customer.
    pub fn events(&self, after: EventNumber) -> impl Iterator<Item = (EventNumber, Event, Identifiers)> {
        let identifiers = |customer| self.profiles[customer].names().to_identifiers();
        self.events
            .range(after + 1..)
            .map(move |(number, kept)| (*number, kept.event(), identifiers(kept.customer())))
    }

    /// The event with a unique id, and what names its customer.
    pub fn event(&self, unique_id: &str) -> Option<(Event, Identifiers)> {
        let kept = &self.events[&self.event_number(unique_id)?];
        Some((kept.event(), self.profiles[kept.customer()].names().to_identifiers()))
    }

    /// How many customers and events there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.profiles.len(), self.events.len())
    }
}

impl Filter {
    /// Whether a customer has the email and the phone number that are looked for.
    fn matches_shared(&self, profile: &Profile) -> bool {
        let names = profile.names();
        self.email
            .iter()
            .all(|email| Identifier::Email(email.as_str()).is_in(&names))
            && self
                .phone_number
                .iter()
                .all(|number| Identifier::PhoneNumber(number.as_str()).is_in(&names))
    }
}

mod restore;
pub use restore::{Counters, MAX_NUMBER};

#[cfg(test)]
mod properties;

#[cfg(any(test, feature = "internals"))]
impl StoreState {
    /// Compares every index with the profiles and events it speaks of.
    ///
    /// # Panics
    ///
    /// If they disagree anywhere.
    pub fn audit(&self) {
        self.index.audit(&self.profiles);
        assert_eq!(self.event_ids.len(), self.events.len(), "every event is indexed once");
        let by_profile: OrdSet<_> = self
            .events
            .iter()
            .map(|(number, kept)| (kept.customer(), *number))
            .collect();
        assert_eq!(
            self.events_by_profile, by_profile,
            "events are indexed by their customer, and no other"
        );
        for (number, kept) in &self.events {
            let found = self.event_number(&kept.event().unique_id);
            assert_eq!(found, Some(*number), "every event is found by its unique id");
        }
        assert!(
            self.events.values().all(|kept| self.profiles.contains(kept.customer())),
            "no event is orphaned"
        );
    }
}
