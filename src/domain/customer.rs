//! The customer: a shopper as the store knows it, and the profile that keeps it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::lineage::{self, Lineage, Step};

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
    pub fn to_search(text: &str) -> ExternalId {
        ExternalId(text.to_owned())
    }

    /// The id as the shop spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    /// Takes any text as an address, to search with: what is not an address just finds nothing.
    pub fn to_search(text: &str) -> Email {
        Email(text.trim().to_owned())
    }

    /// The address as it was written last.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared by.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Email) -> bool {
        self.0.eq_ignore_ascii_case(&other.0) || self.folded() == other.folded()
    }
}

impl PhoneNumber {
    /// Takes any text as a number, to search with: what is not a number just finds nothing.
    pub fn to_search(text: &str) -> PhoneNumber {
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
    pub on_request: OnRequest,
}

/// The parts of a customer that a page carries only where the client asks for them.
#[derive(Clone, Debug, Default)]
pub struct OnRequest {
    /// With `include_custom_properties=true`.
    pub custom_properties: Properties,
    /// With `expand=loyalty`: an object, already rendered.
    pub loyalty: Option<Box<RawValue>>,
    /// With `expand=reviews`: an object, already rendered.
    pub yotpo_ugc: Option<Box<RawValue>>,
}

impl OnRequest {
    fn is_empty(&self) -> bool {
        self.custom_properties.is_empty() && self.loyalty.is_none() && self.yotpo_ugc.is_none()
    }
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
        let properties = &self.on_request.custom_properties;
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
pub type Number = u64;

thread_local! {
    /// Where customers are rendered before they are kept at their exact size: a buffer of its own for each, cut down to size,
    /// would leave a hole behind every one of them.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A customer as a store keeps it: rendered once when it is written, joined into pages as it is.
///
/// Nothing that can be read back from the rendered JSON is kept beside it.
#[derive(Debug)]
pub struct Profile {
    pub(super) number: Number,
    /// The store's count of writes when this profile was written last.
    pub(super) written: u64,
    /// How it came to be what it is.
    pub(super) lineage: Lineage,
    /// All fields that every page carries, as a JSON object less its closing brace.
    fields: Box<[u8]>,
    on_request: Option<Box<RenderedOnRequest>>,
}

#[derive(Debug)]
struct RenderedOnRequest {
    custom_properties: Box<RawValue>,
    loyalty: Option<Box<RawValue>>,
    yotpo_ugc: Option<Box<RawValue>>,
}

/// How many customers a thread that is [polite](drop_politely) drops before it lets others go first.
const DROPS_AT_A_TIME: u32 = 16;

thread_local! {
    /// Of a polite thread: how many customers it still drops before it lets others go first.
    static DROPS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Drops something, however many customers that frees, and lets others go first all the time: without that the allocator of the
/// system may keep a thread that writes waiting for as long as this takes.
pub(crate) fn drop_politely<T>(forgotten: T) {
    DROPS_LEFT.set(Some(DROPS_AT_A_TIME));
    drop(forgotten);
    DROPS_LEFT.set(None);
}

impl Drop for Profile {
    fn drop(&mut self) {
        match DROPS_LEFT.get() {
            None => {}
            Some(0) => {
                DROPS_LEFT.set(Some(DROPS_AT_A_TIME));
                thread::yield_now();
            }
            Some(left) => DROPS_LEFT.set(Some(left - 1)),
        }
    }
}

impl Profile {
    pub(crate) fn new(number: Number, written: u64, customer: Customer, lineage: Lineage) -> Profile {
        let fields = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            serde_json::to_writer(&mut *scratch, &customer)
                .expect("a customer is texts and booleans, and a Vec takes all writes");
            let brace = scratch.pop();
            debug_assert_eq!(brace, Some(b'}'));
            Box::from(scratch.as_slice())
        });
        let on_request = customer.on_request;
        let on_request = (!on_request.is_empty()).then(|| {
            Box::new(RenderedOnRequest {
                custom_properties: serde_json::value::to_raw_value(&on_request.custom_properties)
                    .expect("properties are JSON values under string keys"),
                loyalty: on_request.loyalty,
                yotpo_ugc: on_request.yotpo_ugc,
            })
        });
        Profile {
            number,
            written,
            lineage,
            fields,
            on_request,
        }
    }

    /// The customer's place in the order of creation.
    pub fn number(&self) -> Number {
        self.number
    }

    /// The steps by which the customer came to be what it is, the first of those that are kept first.
    pub fn lineage(&self) -> Vec<&Step> {
        lineage::steps(&self.lineage)
    }

    /// The store's count of writes when this profile was written last.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Reads the customer back from what was rendered.
    pub fn customer(&self) -> Customer {
        let mut text = Vec::with_capacity(self.fields.len() + 1);
        text.extend_from_slice(&self.fields);
        text.push(b'}');
        let mut customer: Customer =
            serde_json::from_slice(&text).expect("a profile holds what was rendered from a customer");
        if let Some(rendered) = &self.on_request {
            customer.on_request = OnRequest {
                custom_properties: serde_json::from_str(rendered.custom_properties.get())
                    .expect("a profile holds what was rendered from a customer"),
                loyalty: rendered.loyalty.clone(),
                yotpo_ugc: rendered.yotpo_ugc.clone(),
            };
        }
        customer
    }

    /// Reads the identifiers back; they come first in the rendered JSON, so the rest is not looked at.
    pub(super) fn identifiers(&self) -> Identifiers {
        fn value<'a, T: Deserialize<'a>>(rest: &mut &'a [u8], name: &str) -> Option<T> {
            // `{"` or `,"`, the name, `":`
            *rest = &rest[name.len() + 4..];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Option<T>>();
            let value = values
                .next()
                .and_then(Result::ok)
                .expect("a profile begins with its three identifiers");
            *rest = &rest[values.byte_offset()..];
            value
        }
        let mut rest: &[u8] = &self.fields;
        Identifiers {
            external_id: value(&mut rest, "external_id"),
            email: value(&mut rest, "email"),
            phone_number: value(&mut rest, "phone_number"),
        }
    }

    /// Appends the customer as one JSON object, with the parts that were asked for.
    pub fn write_json(&self, include: Include, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fields);
        let on_request = self.on_request.as_deref();
        let parts = [
            (
                include.custom_properties,
                "custom_properties",
                on_request.map(|rendered| &rendered.custom_properties),
                "{}",
            ),
            (
                include.loyalty,
                "loyalty",
                on_request.and_then(|rendered| rendered.loyalty.as_ref()),
                "null",
            ),
            (
                include.reviews,
                "yotpo_ugc",
                on_request.and_then(|rendered| rendered.yotpo_ugc.as_ref()),
                "null",
            ),
        ];
        for (wanted, name, rendered, absent) in parts {
            if wanted {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                out.extend_from_slice(rendered.map_or(absent, |json| json.get()).as_bytes());
            }
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_gives_back_what_was_put_in() {
        let customer = Customer {
            external_id: Some(ExternalId("a \"quoted\"\\ id\0".into())),
            phone_number: Some(PhoneNumber("+14155552671".into())),
            first_name: Some("Žofie".into()),
            ..Customer::default()
        };
        let profile = Profile::new(1, 1, customer.clone(), None);
        assert_eq!(profile.identifiers(), customer.identifiers());
        assert_eq!(profile.customer().first_name, customer.first_name);
    }

    #[test]
    fn addresses_compare_without_case() {
        assert_eq!(
            Email::to_search(" Ann@Example.com "),
            Email::to_search("ann@example.COM")
        );
        assert_eq!(
            Email::to_search("a@BÜCHER.example"),
            Email::to_search("a@bücher.example")
        );
    }
}
