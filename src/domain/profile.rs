//! The profile: a customer as its store holds it.

use bytes::BufMut;
use serde_json::Value;

use super::customer::{Customer, CustomerNumber, Include};
use super::history::History;
use super::identifiers::Identifiers;

/// A customer as its store holds it: rendered once at each write, so that a page only joins ready-made JSON.
///
/// The JSON is in one piece, because a page of a large store mostly waits for memory.
#[derive(Debug)]
pub struct Profile {
    number: CustomerNumber,
    revision: u64,
    identifiers: Identifiers,
    history: History,
    /// The customer as one JSON object, the optional parts at its end.
    json: Box<str>,
    /// Where each optional part of the JSON begins, with its comma: custom properties, loyalty and reviews.
    parts: [u32; 3],
}

impl Profile {
    /// Renders a customer. Its properties with an empty text are dropped: that is how a write removes one.
    pub fn new(number: CustomerNumber, revision: u64, mut customer: Customer, history: History) -> Profile {
        customer.custom_properties.retain(|_, value| value != "");
        let (json, parts) = render(&customer);
        Profile { number, revision, identifiers: customer.identifiers(), history, json, parts }
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
        serde_json::from_str(&self.json).expect(IS_RENDERED)
    }

    /// Appends the customer as one JSON object, with the optional parts that are included.
    pub fn write_json(&self, include: Include, out: &mut impl BufMut) {
        for text in self.pieces(include) {
            out.put_slice(text.as_bytes());
        }
        out.put_slice(b"}");
    }

    /// The customer with all its fields.
    pub fn to_json(&self) -> Value {
        serde_json::from_str(&self.json).expect(IS_RENDERED)
    }

    /// The length in bytes of what [`Profile::write_json`] appends.
    pub fn json_len(&self, include: Include) -> usize {
        self.pieces(include).map(str::len).sum::<usize>() + 1
    }

    /// The pieces of the JSON that are included, without the closing brace.
    fn pieces(&self, include: Include) -> impl Iterator<Item = &str> {
        let [properties, loyalty, reviews] = self.parts.map(|at| at as usize);
        let pieces = [
            (true, 0..properties),
            (include.custom_properties, properties..loyalty),
            (include.loyalty, loyalty..reviews),
            (include.reviews, reviews..self.json.len() - 1),
        ];
        pieces.into_iter().filter_map(|(is_included, range)| is_included.then(|| &self.json[range]))
    }
}

const IS_RENDERED: &str = "a profile holds what was rendered from a customer";

/// Renders a customer as JSON; also returns where the optional parts begin.
fn render(customer: &Customer) -> (Box<str>, [u32; 3]) {
    let mut json = serialize(customer);
    json.pop();
    let optional = [
        ("custom_properties", serialize(&customer.custom_properties)),
        ("loyalty", serialize(&customer.loyalty)),
        ("yotpo_ugc", serialize(&customer.yotpo_ugc)),
    ];
    let parts = optional.map(|(name, value)| {
        let begin = json.len().try_into().expect("a customer is smaller than 4 GiB");
        json.extend([",\"", name, "\":", &value]);
        begin
    });
    json.push('}');
    // Copied, since shrinking in place would keep the spare capacity.
    (Box::from(json.as_str()), parts)
}

fn serialize(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a customer holds only texts, booleans and JSON values")
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::domain::customer::Properties;
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
