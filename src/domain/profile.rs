//! The profile: a customer as its store holds it.

use bytes::BufMut;
use serde_json::Value;
use serde_json::value::RawValue;

use super::customer::{Customer, CustomerNumber, Include, Properties};
use super::history::History;
use super::identifiers::Identifiers;

/// A customer as its store holds it: rendered once at each write, so that a page only joins what is there.
#[derive(Debug)]
pub struct Profile {
    number: CustomerNumber,
    revision: u64,
    identifiers: Identifiers,
    history: History,
    /// The fields that every page carries, as a JSON object.
    json: Box<str>,
    /// A JSON object; `None` for a customer without custom properties.
    custom_properties: Option<Box<str>>,
    loyalty: Option<Box<RawValue>>,
    yotpo_ugc: Option<Box<RawValue>>,
}

impl Profile {
    pub fn new(number: CustomerNumber, revision: u64, customer: Customer, history: History) -> Profile {
        let properties = &customer.custom_properties;
        Profile {
            number,
            revision,
            identifiers: customer.identifiers(),
            history,
            json: render(&customer),
            custom_properties: (!properties.is_empty()).then(|| render(properties)),
            loyalty: customer.loyalty,
            yotpo_ugc: customer.yotpo_ugc,
        }
    }

    /// The customer's place in the order of creation.
    pub fn number(&self) -> CustomerNumber {
        self.number
    }

    /// The store's count of writes at the last write to this profile.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn identifiers(&self) -> &Identifiers {
        &self.identifiers
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// Parses the customer from its rendered JSON.
    pub fn customer(&self) -> Customer {
        let mut customer: Customer = serde_json::from_str(&self.json).expect(IS_RENDERED);
        let properties = self.custom_properties.as_deref();
        customer.custom_properties =
            properties.map_or_else(Properties::new, |json| serde_json::from_str(json).expect(IS_RENDERED));
        customer.loyalty = self.loyalty.clone();
        customer.yotpo_ugc = self.yotpo_ugc.clone();
        customer
    }

    /// Appends the customer as one JSON object, with the optional parts that are included.
    pub fn write_json(&self, include: Include, out: &mut impl BufMut) {
        let without_brace = &self.json[..self.json.len() - 1];
        out.put_slice(without_brace.as_bytes());
        for (name, value) in self.parts(include) {
            for text in [",\"", name, "\":", value] {
                out.put_slice(text.as_bytes());
            }
        }
        out.put_slice(b"}");
    }

    /// The customer with all its fields.
    pub fn to_json(&self) -> Value {
        let mut json = Vec::new();
        self.write_json(Include::EVERYTHING, &mut json);
        serde_json::from_slice(&json).expect(IS_RENDERED)
    }

    /// The length in bytes of what [`Profile::write_json`] appends.
    pub fn json_len(&self, include: Include) -> usize {
        let parts = self.parts(include);
        let parts = parts.map(|(name, value)| name.len() + value.len() + r#","":"#.len());
        self.json.len() + parts.sum::<usize>()
    }

    /// The names and the JSON of the optional parts that are included.
    fn parts(&self, include: Include) -> impl Iterator<Item = (&'static str, &str)> {
        let properties = self.custom_properties.as_deref().unwrap_or("{}");
        let loyalty = self.loyalty.as_deref().map_or("null", RawValue::get);
        let yotpo_ugc = self.yotpo_ugc.as_deref().map_or("null", RawValue::get);
        [
            include.custom_properties.then_some(("custom_properties", properties)),
            include.loyalty.then_some(("loyalty", loyalty)),
            include.reviews.then_some(("yotpo_ugc", yotpo_ugc)),
        ]
        .into_iter()
        .flatten()
    }
}

const IS_RENDERED: &str = "a profile holds what was rendered from a customer";

/// Renders a value as JSON, in a piece of memory of the exact size.
fn render(value: &impl serde::Serialize) -> Box<str> {
    let json = serde_json::to_string(value).expect("a customer holds only texts, booleans and JSON values");
    json.as_str().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identifiers::{ExternalId, PhoneNumber};

    #[test]
    fn a_profile_gives_back_its_customer() {
        let raw = |json: &str| Some(RawValue::from_string(json.to_owned()).expect("it is JSON"));
        let customer = Customer {
            external_id: Some(ExternalId("a \"quoted\"\\ id\0".into())),
            phone_number: Some(PhoneNumber("+14155552671".into())),
            first_name: Some("Žofie".into()),
            custom_properties: Properties::from([("shoe_size".to_owned(), 38.5.into())]),
            loyalty: raw(r#"{"points_balance":7}"#),
            ..Customer::default()
        };
        let profile = Profile::new(1, 1, customer.clone(), History::default());
        assert_eq!(*profile.identifiers(), customer.identifiers());
        let back = profile.customer();
        assert_eq!(format!("{back:?}"), format!("{customer:?}"));

        let mut json = Vec::new();
        profile.write_json(Include::EVERYTHING, &mut json);
        assert_eq!(json.len(), profile.json_len(Include::EVERYTHING));
        let json: Value = serde_json::from_slice(&json).expect("it is JSON");
        assert_eq!(json["custom_properties"]["shoe_size"], 38.5);
        assert_eq!(json["loyalty"]["points_balance"], 7);
        assert!(json["yotpo_ugc"].is_null());
    }
}
