//! The customer: a shopper as the store knows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};

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
