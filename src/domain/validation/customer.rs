//! Validation of customers.
//!
//! Source: contract, "The customer" and "Create or update a customer".

use chrono::{DateTime, Utc};

use super::identifiers::{SentIdentifier, SentIdentifiers};
use super::properties::PropertyRules;
use super::{Diagnostics, ObjectReader, ValidationOptions, codes};
use crate::domain::customer::{Address, Customer, Field, Properties, address_fields, customer_fields};
use crate::domain::json::Json;
use crate::domain::note::Note;
use crate::domain::rejection::BrokenRule;
use crate::domain::rule::{self, Rule};
use crate::domain::timestamp;

/// Reads the body of a create-or-update request, `{"customer":{…}}`.
///
/// The result has the fields that were sent, and `now` as `account_updated_at` if none was sent.
///
/// # Errors
///
/// All broken rules.
pub fn read_customer(
    body: &Json<'_>,
    options: ValidationOptions,
    now: DateTime<Utc>,
    diagnostics: &mut Diagnostics,
) -> Result<Customer, Vec<BrokenRule>> {
    let Some(body) = body.as_object() else {
        diagnostics.report(&rule::BODY_OBJECT, "the body");
        return diagnostics.finish(None);
    };
    for key in body.keys().filter(|key| *key != "customer") {
        diagnostics.note_field(Note::CustomersUnknownField, key);
    }
    let Some(customer) = body.get("customer").and_then(Json::as_object) else {
        diagnostics.report(&rule::CUSTOMER_REQUIRED, "customer");
        return diagnostics.finish(None);
    };
    let mut reader = ObjectReader { object: customer, path: "customer", validation: options.validation, diagnostics };
    let is_blank = |value: &Json<'_>| value.as_str().is_some_and(|text| text.trim().is_empty());
    if reader.get("phone_number").is_some_and(|number| !is_blank(number)) {
        reader.diagnostics.note(Note::CustomersPhoneNumber);
    }
    if reader.get("custom_properties").is_some() {
        reader.diagnostics.note(Note::CustomersCustomProperties);
    }
    let customer = reader.written_customer(options.enforce_deprecations, now);
    diagnostics.finish(Some(customer))
}

/// Implements the validation of those fields of a table that name a validator.
macro_rules! read_fields {
    (
        $(#[$struct_attribute:meta])*
        struct $struct:ident {
            $($(#[$attribute:meta])* $kind:ident $name:ident: $type:ty $(= $validator:ident($($argument:expr),*))?;)*
        }
    ) => {
        impl $struct {
            fn read_fields(&mut self, reader: &mut ObjectReader<'_>) {
                $($(self.$name = reader.$validator(stringify!($name), $($argument),*);)?)*
            }
        }
    };
}

customer_fields!(read_fields);
address_fields!(read_fields);

impl ObjectReader<'_> {
    /// A customer as a client writes it; its identifiers must identify one customer.
    pub fn written_customer(&mut self, enforce_deprecations: bool, now: DateTime<Utc>) -> Customer {
        self.note_unknown_keys(|key| Customer::field(key).is_some_and(Field::is_writable));
        let (external_id, email) = (self.external_id(), self.email());
        let phone_number = if enforce_deprecations && !(external_id.is_missing() && email.is_missing()) {
            SentIdentifier::Missing
        } else {
            self.phone_number()
        };
        let identifiers = SentIdentifiers { external_id, email, phone_number };
        if identifiers.are_missing() {
            self.diagnostics.report(&rule::IDENTIFIER_MISSING, self.path);
        }
        if identifiers.are_ambiguous() {
            self.diagnostics.report(&rule::IDENTIFIER_AMBIGUOUS, self.path);
        }
        let mut customer = identifiers.into_customer();
        customer.read_fields(self);
        if !enforce_deprecations {
            customer.custom_properties = self.custom_properties();
        }
        customer.account_updated_at.get_or_insert_with(|| timestamp::render(now));
        if !self.diagnostics.broken_rules.is_empty() {
            self.diagnostics.identifiers = Some(customer.identifiers());
        }
        customer
    }

    /// The writable fields of a customer in a seed. Unlike a write, it may have an email and a phone number without an external
    /// id.
    pub fn seeded_customer(&mut self) -> Customer {
        let identifiers =
            SentIdentifiers { external_id: self.external_id(), email: self.email(), phone_number: self.phone_number() };
        if identifiers.are_missing() {
            self.diagnostics.report(&rule::IDENTIFIER_MISSING, self.path);
        }
        let mut customer = identifiers.into_customer();
        customer.read_fields(self);
        customer.custom_properties = self.custom_properties();
        customer
    }

    fn address(&mut self, name: &str, type_rule: &'static Rule) -> Option<Address> {
        let Json::Object(object) = self.get(name)? else {
            self.report(type_rule, name);
            return None;
        };
        let mut reader = ObjectReader {
            object,
            path: &format!("{}.{name}", self.path),
            validation: self.validation,
            diagnostics: self.diagnostics,
        };
        reader.note_unknown_keys(|key| Address::FIELDS.iter().any(|field| field.name == key));
        let mut address = Address::default();
        address.read_fields(&mut reader);
        // An address without any part is stored as null.
        (address != Address::default()).then_some(address)
    }

    fn custom_properties(&mut self) -> Properties {
        const RULES: PropertyRules = PropertyRules {
            object: &rule::CUSTOM_PROPERTIES_TYPE,
            key: &rule::CUSTOM_PROPERTIES_KEY,
            null: &rule::CUSTOM_PROPERTIES_NULL,
            nested: &rule::CUSTOM_PROPERTIES_NESTED,
            length: &rule::CUSTOM_PROPERTIES_LENGTH,
        };
        self.properties("custom_properties", &RULES)
    }
}
