//! Putting a store back together from what was told of it. Numbers and counters are looked at on the way in: whatever is told,
//! the store that comes out is one that could have been.

use std::collections::BTreeSet;

use super::super::customer::{Customer, CustomerNumber};
use super::super::event::{Event, StoredEvent};
use super::super::identifiers::Identifiers;
use super::super::identity::key_of;
use super::super::profile::Profile;
use super::{EventNumber, Pending, StoreState};

/// The largest number that is taken: every reader of JSON can tell it from its neighbours, and counting never comes to an end.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// How far a store has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The number of the customer that was created last.
    pub customers: CustomerNumber,
    /// The number of the event that came last.
    pub events: EventNumber,
    /// How many writes were applied.
    pub writes: u64,
}

impl StoreState {
    pub fn counters(&self) -> Counters {
        Counters {
            customers: self.last_profile,
            events: self.last_event,
            writes: self.writes,
        }
    }

    /// The events in the order in which they came, each with its number and that of its customer.
    pub fn kept_events(&self) -> impl Iterator<Item = (EventNumber, Event, CustomerNumber)> {
        self.events
            .iter()
            .map(|(number, kept)| (*number, kept.event(), kept.customer()))
    }

    /// What names a customer that is there.
    pub fn identifiers_of(&self, number: CustomerNumber) -> Option<Identifiers> {
        self.profiles
            .get(number)
            .map(|profile| profile.names().to_identifiers())
    }

    /// Puts a customer back under its number, with the count of writes when it was written last; without them it is the next.
    ///
    /// # Errors
    ///
    /// Why it cannot stand there, to follow what names it.
    pub fn restore_customer(
        &mut self,
        number: Option<CustomerNumber>,
        written: Option<u64>,
        customer: Customer,
    ) -> Result<(), String> {
        let number = next(number, self.last_profile, ".number")?;
        let written = written.unwrap_or(self.writes + 1);
        if !(1..=MAX_NUMBER).contains(&written) {
            return Err(format!(".written must be a whole number from 1 to {MAX_NUMBER}"));
        }
        let by_id = Identifiers {
            external_id: customer.external_id.clone(),
            ..Identifiers::default()
        };
        if let Some(id) = &by_id.external_id
            && self.find(&by_id).is_some()
        {
            return Err(format!(
                ".external_id `{}` is already that of another customer",
                id.as_str()
            ));
        }
        self.writes = self.writes.max(written);
        self.put(Profile::new(number, written, customer, None));
        Ok(())
    }

    /// Puts an event of a customer back under its number; without one it is the next, or overrides the one with its unique id.
    ///
    /// # Errors
    ///
    /// Why it cannot stand there, to follow what names it.
    pub fn restore_event(
        &mut self,
        number: Option<EventNumber>,
        event: Event,
        customer: CustomerNumber,
    ) -> Result<(), String> {
        if !self.profiles.contains(customer) {
            return Err(format!(".customer_number `{customer}` is no customer of this store"));
        }
        if number.is_some() && self.has_event(&event.unique_id) {
            return Err(format!(
                ".unique_id `{}` is already that of another event",
                event.unique_id
            ));
        }
        if self.has_event(&event.unique_id) {
            self.put_event(event, customer);
            return Ok(());
        }
        let number = next(number, self.last_event, ".number")?;
        self.last_event = number;
        self.event_ids.insert((key_of(&event.unique_id), number));
        self.events_by_profile.insert((customer, number));
        self.events.insert(number, StoredEvent::new(&event, customer));
        Ok(())
    }

    /// Puts a write back that does not show yet, after those that were put back before.
    pub fn restore_pending(&mut self, pending: Pending) {
        self.pending.push_back(pending);
    }

    /// Puts back how far the store has counted, once everything else is there; `None` leaves it at what that comes to.
    ///
    /// # Errors
    ///
    /// If it has counted less, or two customers were written at once; to follow what names the store.
    pub fn restore_counters(&mut self, counters: Option<Counters>) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.profiles.iter().find(|profile| !seen.insert(profile.written())) {
            return Err(format!("two customers were `written` at {}", twice.written()));
        }
        let least = self.counters();
        let Some(counters) = counters else { return Ok(()) };
        for (name, count, least) in [
            ("customers", counters.customers, least.customers),
            ("events", counters.events, least.events),
            ("writes", counters.writes, least.writes),
        ] {
            if !(least..=MAX_NUMBER).contains(&count) {
                return Err(format!(
                    "counters.{name} is `{count}`, and must be from {least} to {MAX_NUMBER}"
                ));
            }
        }
        self.last_profile = counters.customers;
        self.last_event = counters.events;
        self.writes = counters.writes;
        Ok(())
    }
}

/// The number of what comes next: the one that is told, if it is above the last.
fn next(told: Option<u64>, last: u64, name: &str) -> Result<u64, String> {
    let number = told.unwrap_or(last + 1);
    if number > last && number <= MAX_NUMBER {
        return Ok(number);
    }
    Err(format!(
        "{name} `{number}` must be above the one before it, and at most {MAX_NUMBER}"
    ))
}
