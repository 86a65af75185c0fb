//! Merging: which value wins where two customers become one.
//!
//! Source: contract, "Identity and merging", rules 2 and 6, and section 4 on partial writes (assumed).

use serde_json::value::RawValue;

use super::customer::{Channel, Channels, Customer, ListMembership, Marketing, Properties};
use super::identifiers::{Email, ExternalId, PhoneNumber};

/// Filling: the one rule of partial writes and of merging.
///
/// The value keeps what it has and takes from the other what it lacks. A write wins over the profile that it updates, and that
/// profile over the ones merged into it. An empty text is a value.
pub trait Fill: Sized {
    /// Fills the missing parts from another value. A value without parts stays as it is.
    fn fill(&mut self, _other: Self) {}

    /// Whether there is a value at all.
    fn is_set(&self) -> bool {
        true
    }
}

/// Fills the winner with what it lacks.
pub fn fill(mut winner: Customer, other: Customer) -> Customer {
    winner.fill(other);
    winner
}

impl Fill for String {}
impl Fill for bool {}
impl Fill for ExternalId {}
impl Fill for Email {}
impl Fill for PhoneNumber {}
impl Fill for Box<RawValue> {}
/// The consent and its time belong together.
impl Fill for Marketing {}

impl<T: Fill> Fill for Option<T> {
    fn fill(&mut self, other: Option<T>) {
        match (self, other) {
            (Some(value), Some(other)) => value.fill(other),
            (value @ None, other) => *value = other,
            (Some(_), None) => {}
        }
    }

    fn is_set(&self) -> bool {
        self.is_some()
    }
}

/// Joined by id.
impl Fill for Vec<ListMembership> {
    fn fill(&mut self, other: Vec<ListMembership>) {
        for list in other {
            if self.iter().all(|known| known.id != list.id) {
                self.push(list);
            }
        }
    }

    fn is_set(&self) -> bool {
        !self.is_empty()
    }
}

impl Fill for Channels {
    fn fill(&mut self, other: Channels) {
        self.sms.fill(other.sms);
        self.email.fill(other.email);
    }

    fn is_set(&self) -> bool {
        self.sms.is_set() || self.email.is_set()
    }
}

impl Fill for Channel {
    fn fill(&mut self, other: Channel) {
        self.marketing.fill(other.marketing);
    }
}

/// Filled key by key.
impl Fill for Properties {
    fn fill(&mut self, other: Properties) {
        for (key, value) in other {
            self.entry(key).or_insert(value);
        }
    }

    fn is_set(&self) -> bool {
        !self.is_empty()
    }
}
