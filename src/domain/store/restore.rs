//! Restores a store from a state document. Numbers and counters are checked, so that the result is a store that writes could
//! have made.

use std::collections::BTreeSet;

use thiserror::Error;

use super::super::customer::{Customer, CustomerNumber};
use super::super::event::Event;
use super::super::history::History;
use super::super::profile::Profile;
use super::{EventNumber, Pending, StoreState};

/// The largest number that a document may hold: every JSON parser keeps it exact, and counting on never overflows.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The counters of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The number of the customer created last.
    pub customers: CustomerNumber,
    /// The number of the event that arrived last.
    pub events: EventNumber,
    /// The number of applied writes.
    pub writes: u64,
}

/// The reason why a part of a document cannot be restored. Its text begins with a path in that part.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RestoreError {
    #[error(".number `{0}` must be above the one before it, and at most {MAX_NUMBER}")]
    Number(u64),
    #[error(".written must be a whole number from 1 to {MAX_NUMBER}")]
    Written,
    #[error(".external_id `{0}` is already that of another customer")]
    ExternalId(String),
    #[error(".customer_number `{0}` is no customer of this store")]
    UnknownCustomer(CustomerNumber),
    #[error(".unique_id `{0}` is already that of another event")]
    UniqueId(String),
    #[error("two customers were `written` at {0}")]
    WrittenTwice(u64),
    #[error("counters.{name} is `{count}`, and must be from {least} to {MAX_NUMBER}")]
    Counter { name: &'static str, count: u64, least: u64 },
}

impl StoreState {
    pub fn counters(&self) -> Counters {
        Counters { customers: self.last_profile, events: self.last_event, writes: self.writes }
    }

    /// Restores a customer with its number and its revision, by default the next ones.
    ///
    /// # Errors
    ///
    /// Rejects a number that is not above those of the customers before, a revision of 0, and an external id that exists.
    pub fn restore_customer(
        &mut self,
        number: Option<CustomerNumber>,
        revision: Option<u64>,
        customer: Customer,
    ) -> Result<(), RestoreError> {
        let number = next(number, self.last_profile)?;
        let revision = revision.unwrap_or(self.writes + 1);
        if !(1..=MAX_NUMBER).contains(&revision) {
            return Err(RestoreError::Written);
        }
        if let Some(id) = &customer.external_id
            && self.has_external_id(id.as_str())
        {
            return Err(RestoreError::ExternalId(id.as_str().to_owned()));
        }
        self.writes = self.writes.max(revision);
        self.put(Profile::new(number, revision, customer, History::default()));
        Ok(())
    }

    /// Restores an event with its number; without a number it is the next one, or overrides the event with its unique id.
    ///
    /// # Errors
    ///
    /// Rejects an unknown customer, a number that is not above those of the events before, and a unique id that exists.
    pub fn restore_event(
        &mut self,
        number: Option<EventNumber>,
        event: Event,
        customer: CustomerNumber,
    ) -> Result<(), RestoreError> {
        if !self.profiles.contains_key(&customer) {
            return Err(RestoreError::UnknownCustomer(customer));
        }
        if self.has_event(&event.unique_id) {
            if number.is_some() {
                return Err(RestoreError::UniqueId(event.unique_id));
            }
            self.put_event(event, customer);
            return Ok(());
        }
        self.put_event_at(next(number, self.last_event)?, event, customer);
        Ok(())
    }

    /// Restores a write that is not yet visible, after those restored before.
    pub fn restore_pending(&mut self, pending: Pending) {
        self.pending.push_back(pending);
    }

    /// Restores the counters, after everything else; `None` keeps the smallest that fit.
    ///
    /// # Errors
    ///
    /// Rejects counters below the restored numbers, and two customers with one revision.
    pub fn restore_counters(&mut self, counters: Option<Counters>) -> Result<(), RestoreError> {
        let mut seen = BTreeSet::new();
        let mut revisions = self.profiles.values().map(|profile| profile.revision());
        if let Some(twice) = revisions.find(|revision| !seen.insert(*revision)) {
            return Err(RestoreError::WrittenTwice(twice));
        }
        let least = self.counters();
        let Some(counters) = counters else { return Ok(()) };
        for (name, count, least) in [
            ("customers", counters.customers, least.customers),
            ("events", counters.events, least.events),
            ("writes", counters.writes, least.writes),
        ] {
            if !(least..=MAX_NUMBER).contains(&count) {
                return Err(RestoreError::Counter { name, count, least });
            }
        }
        self.last_profile = counters.customers;
        self.last_event = counters.events;
        self.writes = counters.writes;
        Ok(())
    }
}

/// Checks the number of the next item, by default the one after the last.
fn next(number: Option<u64>, last: u64) -> Result<u64, RestoreError> {
    let number = number.unwrap_or(last + 1);
    if number > last && number <= MAX_NUMBER { Ok(number) } else { Err(RestoreError::Number(number)) }
}
