//! Validation of the identifiers of a customer.

use super::ObjectReader;
use super::codes::{is_e164, is_short};
use super::email::is_email;
use crate::domain::customer::Customer;
use crate::domain::identifiers::{Email, ExternalId, PhoneNumber};
use crate::domain::json::Json;
use crate::domain::note::Note;
use crate::domain::rule;

/// An identifier as it was sent.
pub enum Identifier<T> {
    Missing,
    /// Sent, with a broken rule: it still counts when the identifiers are counted.
    Invalid,
    Valid(T),
}

impl<T> Identifier<T> {
    pub fn is_missing(&self) -> bool {
        matches!(self, Identifier::Missing)
    }

    fn valid(self) -> Option<T> {
        match self {
            Identifier::Valid(value) => Some(value),
            Identifier::Missing | Identifier::Invalid => None,
        }
    }
}

/// The identifiers of one customer as they were sent.
pub struct SentIdentifiers {
    pub external_id: Identifier<ExternalId>,
    pub email: Identifier<Email>,
    pub phone_number: Identifier<PhoneNumber>,
}

impl SentIdentifiers {
    pub fn are_missing(&self) -> bool {
        self.external_id.is_missing() && self.email.is_missing() && self.phone_number.is_missing()
    }

    /// Whether they identify no single customer: without an external id, an email and a phone number may be of two.
    pub fn are_ambiguous(&self) -> bool {
        self.external_id.is_missing() && !self.email.is_missing() && !self.phone_number.is_missing()
    }

    /// A customer with these identifiers and nothing else.
    pub fn into_customer(self) -> Customer {
        Customer {
            external_id: self.external_id.valid(),
            email: self.email.valid(),
            phone_number: self.phone_number.valid(),
            ..Customer::default()
        }
    }
}

impl ObjectReader<'_> {
    pub fn external_id(&mut self) -> Identifier<ExternalId> {
        let name = "external_id";
        match self.get(name) {
            None => Identifier::Missing,
            Some(Json::Text(text)) if text.trim().is_empty() => Identifier::Missing,
            Some(Json::Text(text)) if is_short(text) => Identifier::Valid(ExternalId(text.to_string())),
            Some(Json::Text(_)) => {
                self.report(&rule::EXTERNAL_ID_LENGTH, name);
                Identifier::Invalid
            }
            Some(value) => match value.as_integer() {
                Some(digits) => {
                    self.note_field(Note::CustomersCoerced, name);
                    Identifier::Valid(ExternalId(digits))
                }
                None => {
                    self.report(&rule::EXTERNAL_ID_TYPE, name);
                    Identifier::Invalid
                }
            },
        }
    }

    pub fn email(&mut self) -> Identifier<Email> {
        let name = "email";
        let text = match self.get(name) {
            None => return Identifier::Missing,
            Some(Json::Text(text)) => text.trim(),
            Some(_) => {
                self.report(&rule::EMAIL_TYPE, name);
                return Identifier::Invalid;
            }
        };
        if text.is_empty() {
            return Identifier::Missing;
        }
        let (is_short, is_well_formed) = (is_short(text), is_email(text));
        if !is_short {
            self.report(&rule::EMAIL_LENGTH, name);
        }
        if !is_well_formed {
            self.report(&rule::EMAIL_FORMAT, name);
        }
        if is_short && is_well_formed { Identifier::Valid(Email(text.to_owned())) } else { Identifier::Invalid }
    }

    pub fn phone_number(&mut self) -> Identifier<PhoneNumber> {
        let name = "phone_number";
        let broken_rule = match self.get(name) {
            None => return Identifier::Missing,
            Some(Json::Text(text)) if text.trim().is_empty() => return Identifier::Missing,
            Some(Json::Text(text)) if is_e164(text) => return Identifier::Valid(PhoneNumber(text.to_string())),
            Some(Json::Text(_)) => &rule::PHONE_NUMBER_FORMAT,
            Some(_) => &rule::PHONE_NUMBER_TYPE,
        };
        self.report(broken_rule, name);
        Identifier::Invalid
    }
}
