//! The targets with generated input.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use yotpo_mock::__internal::Cursor;

use crate::documents::{customer_body, event_body, pointers, seed, seed_line};
use crate::targets::{self, SCOPE, cursor::page_request};

/// Texts that have a meaning somewhere.
const WORDS: &[&str] = &[
    "ann@example.com",
    "BOB@example.com",
    "+14155552671",
    "+14155552673",
    "c-1",
    "e-1",
    "7",
    "US",
    "Other",
    "enabled",
    "2024-02-29T23:59:59.9-23:59",
    "subscribed",
    "external_id",
    "customer",
    "customer_event",
    "stores",
    "store",
    "event",
    "email",
    "unique_id",
    "type",
];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(WORDS).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[\\x00-\\x7f]{0,4}",
        1 => "é{254,257}",
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        4 => any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any_text(), inner, 0..4).prop_map(|object| object.into_iter().collect::<Value>()),
        ]
    })
}

/// The document with up to three values replaced or keys added.
fn altered(document: Value) -> impl Strategy<Value = Value> {
    let change = (any::<Index>(), any_json(), proptest::option::of(any_text()));
    vec(change, 1..4).prop_map(move |changes| {
        let mut document = document.clone();
        for (at, value, key) in changes {
            let pointers = pointers(&document);
            let place = document.pointer_mut(at.get(&pointers).as_str()).expect("the pointer is of this document");
            match (place, key) {
                (Value::Object(object), Some(key)) => drop(object.insert(key, value)),
                (place, _) => *place = value,
            }
        }
        document
    })
}

const PARAMETERS: &[&str] = &[
    "email",
    "phone_number",
    "external_ids",
    "include_custom_properties",
    "expand",
    "limit",
    "page_info",
    "access_token",
    "colour",
];

const ARGUMENTS: &[&str] =
    &["", "true", "false", "loyalty,reviews", "loyalty,,orders", "1", "2", "100", "101", "c-1,c-3,7,c-3", ","];

fn any_query() -> impl Strategy<Value = String> {
    let cursor = (any::<[u8; 3]>(), any_text()).prop_map(|(bytes, text)| {
        let text = text.as_bytes();
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        Cursor::encode(page_request(&[&bytes[..], &[length], text].concat()).0, SCOPE)
    });
    let value = prop_oneof![
        4 => select(ARGUMENTS).prop_map(str::to_owned),
        2 => any_text(),
        2 => cursor,
    ];
    let parameter = (select(PARAMETERS), value, any::<bool>()).prop_map(|(name, value, is_encoded)| match is_encoded {
        true => format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()),
        false => format!("{name}={value}"),
    });
    vec(parameter, 0..5).prop_map(|parameters| parameters.join("&"))
}

proptest! {
    #[test]
    fn every_property_holds_for_a_customer_body(body in altered(customer_body())) {
        targets::customer_body(body.to_string().as_bytes());
    }

    #[test]
    fn every_property_holds_for_an_event_body(body in altered(event_body())) {
        targets::event_body(body.to_string().as_bytes());
    }

    #[test]
    fn every_property_holds_for_a_query(text in any_query()) {
        targets::query(text.as_bytes());
    }

    #[test]
    fn every_property_holds_for_a_cursor(
        head in any::<[u8; 3]>(),
        text in any_text(),
        script in vec((0..8_u8, any::<bool>(), any::<[u8; 2]>()), 0..4),
    ) {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let script = script
            .into_iter()
            .flat_map(|(operation, from_end, [at, character])| [operation | u8::from(from_end) << 7, at, character]);
        let bytes: Vec<u8> = head.into_iter().chain([length]).chain(text.into_bytes()).chain(script).collect();
        targets::cursor(&bytes);
    }

    #[test]
    fn every_property_holds_for_a_seed(document in altered(seed()), line in altered(seed_line())) {
        targets::seed(document.to_string().as_bytes());
        targets::seed(line.to_string().as_bytes());
        targets::seed(format!("{line}\n{document}").as_bytes());
    }

    #[test]
    fn every_property_holds_for_any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        let all = [targets::customer_body, targets::event_body, targets::query, targets::cursor, targets::seed];
        all.iter().for_each(|target| target(&bytes));
    }
}
