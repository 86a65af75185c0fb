//! The customer: a shopper as the store knows it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The shop's own id of a shopper, kept and compared exactly.
///
/// Source: contract, "The customer", external_id (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(pub(super) String);

/// An email address, kept trimmed and as the client spelled it, compared without case.
///
/// Source: contract, "Identity and merging", rule 5 (assumed).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(pub(super) String);

/// A phone number in E.164 form, kept and compared exactly.
///
/// Source: contract, "The customer", phone_number (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(pub(super) String);

impl ExternalId {
    /// Takes any text as an id, to search with: what nobody has just finds nothing.
    pub fn for_lookup(text: &str) -> ExternalId {
        ExternalId(text.to_owned())
    }

    /// The id as the shop spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    /// Takes any text as an address, to search with: what is not an address just finds nothing.
    pub fn for_lookup(text: &str) -> Email {
        Email(text.trim().to_owned())
    }

    /// The address as it was written last.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared by.
    pub fn folded(&self) -> Cow<'_, str> {
        Email::fold(&self.0)
    }

    pub(super) fn fold(address: &str) -> Cow<'_, str> {
        let is_folded = address
            .bytes()
            .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_folded {
            address.into()
        } else {
            address.to_lowercase().into()
        }
    }

    /// Whether two addresses are the same.
    pub(super) fn is_same(one: &str, other: &str) -> bool {
        one.eq_ignore_ascii_case(other) || Email::fold(one) == Email::fold(other)
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Email) -> bool {
        Email::is_same(&self.0, &other.0)
    }
}

impl PhoneNumber {
    /// Takes any text as a number, to search with: what is not a number just finds nothing.
    pub fn for_lookup(text: &str) -> PhoneNumber {
        PhoneNumber(text.to_owned())
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What names a shopper. Any part may be missing; two shoppers may share an email or a phone number, never an external id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identifiers {
    pub external_id: Option<ExternalId>,
    pub email: Option<Email>,
    pub phone_number: Option<PhoneNumber>,
}

/// A postal address; every part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub company: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    pub province_code: Option<String>,
    pub country_code: Option<String>,
    pub phone_number: Option<String>,
}

/// A list that the customer is on. Read side: it comes from seeding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMembership {
    pub id: String,
    pub since: Option<String>,
}

/// Where the customer may be reached for marketing; each level may be absent. Read side: it comes from seeding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Channel>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing: Option<Marketing>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marketing {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<Vec<Suppression>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    pub suppression_reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// Custom properties by key. Values are strings, booleans or numbers.
pub type Properties = BTreeMap<String, Value>;

/// Everything known of one shopper, as the vendor's pages carry it.
///
/// The order of the fields is their order on the wire. Times are kept as they go out: UTC, to the second, without a zone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Customer {
    pub external_id: Option<ExternalId>,
    pub email: Option<Email>,
    pub phone_number: Option<PhoneNumber>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub gender: Option<String>,
    pub account_created_at: Option<String>,
    pub account_updated_at: Option<String>,
    pub account_status: Option<String>,
    pub default_language: Option<String>,
    pub default_currency: Option<String>,
    pub tags: Option<String>,
    pub address: Option<Address>,
    pub accepts_sms_marketing: Option<bool>,
    pub accepts_email_marketing: Option<bool>,
    pub lists: Vec<ListMembership>,
    pub channels: Channels,
    /// What goes out only where it is asked for.
    #[serde(skip)]
    pub optional_parts: OptionalParts,
}

/// The parts of a customer that a page carries only where the client asks for them.
#[derive(Clone, Debug, Default)]
pub struct OptionalParts {
    /// With `include_custom_properties=true`.
    pub custom_properties: Properties,
    /// With `expand=loyalty`: an object, already rendered.
    pub loyalty: Option<Box<RawValue>>,
    /// With `expand=reviews`: an object, already rendered.
    pub yotpo_ugc: Option<Box<RawValue>>,
}

impl Customer {
    pub fn identifiers(&self) -> Identifiers {
        Identifiers {
            external_id: self.external_id.clone(),
            email: self.email.clone(),
            phone_number: self.phone_number.clone(),
        }
    }

    /// What a write says of the customer, less what it does not say.
    pub fn to_write(&self) -> Value {
        let mut json = json!(self);
        let object = json.as_object_mut().expect("a customer is an object");
        object.retain(|key, value| !value.is_null() && key != "lists" && key != "channels");
        let properties = &self.optional_parts.custom_properties;
        if !properties.is_empty() {
            object.insert("custom_properties".to_owned(), json!(properties));
        }
        json
    }
}

/// Which of the parts on request a page carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    pub custom_properties: bool,
    pub loyalty: bool,
    pub reviews: bool,
}

impl Include {
    /// All of them.
    pub const EVERYTHING: Include = Include {
        custom_properties: true,
        loyalty: true,
        reviews: true,
    };
}

/// A customer's place in the order of creation, counted from one in each store.
pub type CustomerNumber = u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_without_case() {
        assert_eq!(
            Email::for_lookup(" Ann@Example.com "),
            Email::for_lookup("ann@example.COM")
        );
        assert_eq!(
            Email::for_lookup("a@BÜCHER.example"),
            Email::for_lookup("a@bücher.example")
        );
    }
}
