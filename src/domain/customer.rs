//! The customer, with the one list of its fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use super::merge::Fill;

/// The fields of a customer, in the order in which Yotpo returns them.
///
/// **To add a field, add a line here**, its rules to [`rule`](super::rule) and its schema to `openapi/customers.yaml`. The struct,
/// validation, merging, lineage and the public [`Customer`](crate::Customer) follow from the line:
///
/// ```text
/// kind  name: type = validator(its arguments);
/// ```
///
/// The kind is a [`FieldKind`], the validator a method of `validation::ObjectReader`. Identifiers and custom properties have
/// their own validation in `validation`, read-only fields in `validation::read_side`.
macro_rules! customer_fields {
    ($callback:ident) => {
        $callback! {
            /// A customer with everything that is known about it.
            ///
            /// Times are in the form that Yotpo returns: UTC, to the second, without a zone.
            struct Customer {
                /// The shop's own id of the customer, compared exactly.
                Identifier external_id: Option<ExternalId>;
                /// The e-mail address as it was written last, compared case-insensitively.
                Identifier email: Option<Email>;
                /// The phone number in E.164 form.
                Identifier phone_number: Option<PhoneNumber>;
                /// The first name.
                Text first_name: Option<String> = short_text(&rule::FIRST_NAME_TYPE, &rule::FIRST_NAME_LENGTH);
                /// The last name.
                Text last_name: Option<String> = short_text(&rule::LAST_NAME_TYPE, &rule::LAST_NAME_LENGTH);
                /// `F`, `M` or `Other`.
                Text gender: Option<String> = code(codes::is_gender, &rule::GENDER_TYPE, &rule::GENDER_ENUM);
                /// When the account was created, in ISO 8601; a store returns it in UTC, to the second, without a zone.
                Text account_created_at: Option<String> = time(&rule::CREATED_AT_TYPE, &rule::CREATED_AT_FORMAT);
                /// When the account was last changed, in the same form.
                Text account_updated_at: Option<String> = time(&rule::UPDATED_AT_TYPE, &rule::UPDATED_AT_FORMAT);
                /// `enabled`, `disabled`, `invited` or `declined`.
                Text account_status: Option<String> = code(codes::is_account_status, &rule::STATUS_TYPE, &rule::STATUS_ENUM);
                /// An ISO 639-1 language code.
                Text default_language: Option<String> = code(codes::is_language, &rule::LANGUAGE_TYPE, &rule::LANGUAGE_CODE);
                /// An ISO 4217 currency code.
                Text default_currency: Option<String> = code(codes::is_currency, &rule::CURRENCY_TYPE, &rule::CURRENCY_CODE);
                /// Tags, separated by commas.
                Text tags: Option<String> = text(&rule::TAGS_TYPE);
                /// The postal address.
                Object address: Option<Address> = address(&rule::ADDRESS_TYPE);
                /// Whether the customer agreed to marketing by SMS.
                Boolean accepts_sms_marketing: Option<bool> = boolean(&rule::ACCEPTS_SMS_TYPE);
                /// Whether the customer agreed to marketing by e-mail.
                Boolean accepts_email_marketing: Option<bool> = boolean(&rule::ACCEPTS_EMAIL_TYPE);
                /// The lists that the customer is on.
                ReadOnly lists: Vec<ListMembership>;
                /// The marketing channels through which the customer can be reached.
                ReadOnly channels: Channels;
                /// Returned with `include_custom_properties=true`.
                #[serde(skip_serializing)]
                Properties custom_properties: Properties;
                /// Returned with `expand=loyalty`: a rendered object.
                #[serde(skip_serializing)]
                ReadOnly loyalty: Option<Box<RawValue>>;
                /// Returned with `expand=reviews`: a rendered object.
                #[serde(skip_serializing)]
                ReadOnly yotpo_ugc: Option<Box<RawValue>>;
            }
        }
    };
}

/// The fields of an address, declared like those of a customer.
macro_rules! address_fields {
    ($callback:ident) => {
        $callback! {
            /// A postal address.
            #[derive(PartialEq)]
            struct Address {
                Text address1: Option<String> = text(&rule::ADDRESS_ADDRESS1_TYPE);
                Text address2: Option<String> = text(&rule::ADDRESS_ADDRESS2_TYPE);
                Text city: Option<String> = text(&rule::ADDRESS_CITY_TYPE);
                Text company: Option<String> = text(&rule::ADDRESS_COMPANY_TYPE);
                Text state: Option<String> = text(&rule::ADDRESS_STATE_TYPE);
                Text zip: Option<String> = text(&rule::ADDRESS_ZIP_TYPE);
                Text province_code: Option<String> = text(&rule::ADDRESS_PROVINCE_CODE_TYPE);
                Text country_code: Option<String> =
                    code(codes::is_country, &rule::ADDRESS_COUNTRY_CODE_TYPE, &rule::ADDRESS_COUNTRY_CODE_CODE);
                Text phone_number: Option<String> =
                    code(codes::is_e164, &rule::ADDRESS_PHONE_NUMBER_TYPE, &rule::ADDRESS_PHONE_NUMBER_FORMAT);
            }
        }
    };
}

pub(crate) use {address_fields, customer_fields};

/// Declares a struct with the fields of a table.
macro_rules! declare {
    (
        $(#[$struct_attribute:meta])*
        struct $struct:ident {
            $($(#[$attribute:meta])* $kind:ident $name:ident: $type:ty $(= $validator:ident($($argument:expr),*))?;)*
        }
    ) => {
        $(#[$struct_attribute])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        pub struct $struct {
            $($(#[$attribute])* pub $name: $type,)*
        }

        impl $struct {
            pub const FIELDS: &[Field] = &[$(Field { name: stringify!($name), kind: FieldKind::$kind }),*];
        }

        impl Fill for $struct {
            fn fill(&mut self, other: $struct) {
                $(self.$name.fill(other.$name);)*
            }
        }
    };
}

/// Implements `has_values` for a struct with the fields of a table.
macro_rules! implement_has_values {
    (
        $(#[$struct_attribute:meta])*
        struct $struct:ident {
            $($(#[$attribute:meta])* $kind:ident $name:ident: $type:ty $(= $validator:ident($($argument:expr),*))?;)*
        }
    ) => {
        impl $struct {
            /// Whether each of `FIELDS` has a value, in their order.
            pub fn has_values(&self) -> impl Iterator<Item = bool> {
                [$(self.$name.is_set()),*].into_iter()
            }
        }
    };
}

customer_fields!(declare);
customer_fields!(implement_has_values);
address_fields!(declare);

/// A field of a customer or of an address.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
}

/// How clients use a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Identifies the customer in a write.
    Identifier,
    Text,
    Boolean,
    Object,
    /// Custom properties, by key.
    Properties,
    /// Returned by Yotpo and written by no endpoint; the value comes from a seed.
    ReadOnly,
}

impl Field {
    pub fn is_writable(&self) -> bool {
        self.kind != FieldKind::ReadOnly
    }
}

impl Customer {
    /// The field with a name.
    pub fn field(name: &str) -> Option<&'static Field> {
        Customer::FIELDS.iter().find(|field| field.name == name)
    }

    pub fn identifiers(&self) -> Identifiers {
        Identifiers {
            external_id: self.external_id.clone(),
            email: self.email.clone(),
            phone_number: self.phone_number.clone(),
        }
    }

    /// The body of a write that sets the writable fields of this customer.
    pub fn to_write(&self) -> Value {
        let mut json = json!(self);
        let object = json.as_object_mut().expect("a customer is an object");
        object.retain(|name, value| !value.is_null() && Customer::field(name).is_some_and(Field::is_writable));
        if !self.custom_properties.is_empty() {
            object.insert("custom_properties".to_owned(), json!(self.custom_properties));
        }
        json
    }
}

/// Custom properties by key. Values are strings, booleans or numbers.
pub type Properties = BTreeMap<String, Value>;

/// A list that the customer is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListMembership {
    pub id: String,
    pub since: Option<String>,
}

/// The marketing channels of a customer; each level may be absent.
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
    pub suppressions: Option<Suppression>,
}

/// Why a channel is blocked. It is one object, in spite of the plural name of its field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    pub suppression_reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// The optional fields that a page includes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    pub custom_properties: bool,
    pub loyalty: bool,
    pub reviews: bool,
}

impl Include {
    pub const EVERYTHING: Include = Include { custom_properties: true, loyalty: true, reviews: true };
}

/// A customer's position in the order of creation, counted from one in each store.
pub type CustomerNumber = u64;
