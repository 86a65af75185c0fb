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
pub enum SentIdentifier<T> {
    Missing,
    /// Sent, with a broken rule: it still counts when the identifiers are counted.
    Invalid,
    Valid(T),
}

impl<T> SentIdentifier<T> {
    pub fn is_missing(&self) -> bool {
        matches!(self, SentIdentifier::Missing)
    }

    fn valid(self) -> Option<T> {
        match self {
            SentIdentifier::Valid(value) => Some(value),
            SentIdentifier::Missing | SentIdentifier::Invalid => None,
        }
    }
}

/// The identifiers of one customer as they were sent.
pub struct SentIdentifiers {
    pub external_id: SentIdentifier<ExternalId>,
    pub email: SentIdentifier<Email>,
    pub phone_number: SentIdentifier<PhoneNumber>,
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
    pub fn external_id(&mut self) -> SentIdentifier<ExternalId> {
        let name = "external_id";
        match self.get(name) {
            None => SentIdentifier::Missing,
            Some(Json::Text(text)) if text.trim().is_empty() => SentIdentifier::Missing,
            Some(Json::Text(text)) if is_short(text) => SentIdentifier::Valid(ExternalId(text.to_string())),
            Some(Json::Text(_)) => {
                self.report(&rule::EXTERNAL_ID_LENGTH, name);
                SentIdentifier::Invalid
            }
            Some(value) => match value.as_integer() {
                Some(digits) => {
                    self.note_field(Note::CustomersCoerced, name);
                    SentIdentifier::Valid(ExternalId(digits))
                }
                None => {
                    self.report(&rule::EXTERNAL_ID_TYPE, name);
                    SentIdentifier::Invalid
                }
            },
        }
    }

    pub fn email(&mut self) -> SentIdentifier<Email> {
        let name = "email";
        let text = match self.get(name) {
            None => return SentIdentifier::Missing,
            Some(Json::Text(text)) => text.trim(),
            Some(_) => {
                self.report(&rule::EMAIL_TYPE, name);
                return SentIdentifier::Invalid;
            }
        };
        if text.is_empty() {
            return SentIdentifier::Missing;
        }
        let (is_short, is_well_formed) = (is_short(text), is_email(text));
        if !is_short {
            self.report(&rule::EMAIL_LENGTH, name);
        }
        if !is_well_formed {
            self.report(&rule::EMAIL_FORMAT, name);
        }
        if is_short && is_well_formed { SentIdentifier::Valid(Email(text.to_owned())) } else { SentIdentifier::Invalid }
    }

    pub fn phone_number(&mut self) -> SentIdentifier<PhoneNumber> {
        let name = "phone_number";
        let broken_rule = match self.get(name) {
            None => return SentIdentifier::Missing,
            Some(Json::Text(text)) if text.trim().is_empty() => return SentIdentifier::Missing,
            Some(Json::Text(text)) if is_e164(text) => return SentIdentifier::Valid(PhoneNumber(text.to_string())),
            Some(Json::Text(_)) => &rule::PHONE_NUMBER_FORMAT,
            Some(_) => &rule::PHONE_NUMBER_TYPE,
        };
        self.report(broken_rule, name);
        SentIdentifier::Invalid
    }
}
