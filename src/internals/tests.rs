//! The fuzz targets without a fuzzer: what is committed to their corpora, anything at every place of what is valid, and
//! whatever else comes to mind.

use std::fs;
use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// Leads every committed file of a target through its door.
fn corpus(target: &str, door: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !root.exists() {
        // A published package comes without.
        return;
    }
    let files = fs::read_dir(root.join("corpus").join(target)).expect("every target has a corpus");
    let files: Vec<_> = files.map(|file| file.expect("a readable entry").path()).collect();
    assert!(files.len() >= 5, "{target} has a corpus");
    for file in files {
        door(&fs::read(file).expect("a readable file"));
    }
}

#[test]
fn every_committed_corpus_keeps_the_laws() {
    corpus("customer_body", customer_body);
    corpus("event_body", event_body);
    corpus("query", query);
    corpus("cursor", cursor);
    corpus("seed", seed);
}

/// A customer with all that a client may write.
fn whole_customer() -> Value {
    json!({
        "external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671", "first_name": "Ann",
        "last_name": "Ångström", "gender": "F", "account_created_at": "2021-03-27T04:37:34",
        "account_updated_at": "2023-08-29T16:30:07+02:00", "account_status": "enabled", "default_language": "en",
        "default_currency": "USD", "tags": "vip,summer_sale", "address": {
            "address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": "Acme", "state": "Texas",
            "zip": "73301", "province_code": "TX", "country_code": "US", "phone_number": "+14155552671"
        },
        "accepts_sms_marketing": true, "accepts_email_marketing": false,
        "custom_properties": {"club": "gold", "shoe_size": 38.5, "is_wholesale": false}
    })
}

fn whole_customer_body() -> Value {
    json!({ "customer": whole_customer() })
}

fn whole_event_body() -> Value {
    json!({"customer_event": {
        "source": "crm", "type": "order_shipped", "timestamp": "2025-01-01T10:00:00", "unique_id": "e-1",
        "properties": {"carrier": "UPS", "parcels": 2}, "customer": {"external_id": "b-1", "email": "bob@example.com"}
    }})
}

fn whole_seed() -> Value {
    let mut customer = whole_customer();
    customer["lists"] = json!([{"id": "1", "since": "2023-05-22T11:08:52"}]);
    customer["channels"] = json!({
        "sms": {"marketing": {"consent": "unsubscribed"}},
        "email": {"marketing": {"consent": "subscribed", "timestamp": "2022-02-27",
            "suppressions": [{"suppression_reason": "SOFT_BOUNCE", "timestamp": "2019-11-09"}]}}
    });
    customer["loyalty"] =
        json!({"points_balance": 420, "credit_balance": 12.5, "is_opt_in": true, "vip_tier_name": "Gold"});
    customer["yotpo_ugc"] = json!({"total_reviews": 7, "top_topics": ["fit"], "last_review_date": "2023-07-30"});
    let event = json!({"unique_id": "e-1", "type": "t", "timestamp": "2025-01-01", "customer": {"external_id": "c-1"}});
    json!({"stores": [{
        "id": "shop", "secret": "s", "customers": [customer, {"email": "bob@example.com"}], "events": [event]
    }]})
}

/// The same in one line of NDJSON.
fn whole_line() -> Value {
    let seed = whole_seed();
    let store = &seed["stores"][0];
    json!({"store": "shop", "secret": "s", "customer": store["customers"][0], "event": store["events"][0]})
}

/// Where each value of a document stands, as JSON pointers.
fn places(document: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    let below: Vec<(String, &Value)> = match document {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    for (name, value) in below {
        places.extend(self::places(value).iter().map(|rest| format!("/{name}{rest}")));
    }
    places
}

/// Values that have broken readers before.
fn nasty() -> Vec<Value> {
    let mut nested = json!("deep");
    for _ in 0..100 {
        nested = json!([nested]);
    }
    vec![
        Value::Null,
        json!(true),
        json!(u64::MAX),
        json!(""),
        json!(" \u{0}\u{a0}"),
        json!("\u{1f600}".repeat(256)),
        json!("2016-12-31T23:59:60Z"),
        json!("ann@example.com"),
        json!([]),
        json!({}),
        json!({"": {"": null}}),
        nested,
    ]
}

/// Puts each nasty value at every place of a document, one at a time.
fn anything_at_every_place(whole: &Value, door: fn(&[u8])) {
    for place in places(whole) {
        anything_at(&place, whole, door);
    }
}

fn anything_at(place: &str, whole: &Value, door: fn(&[u8])) {
    for value in nasty() {
        let mut document = whole.clone();
        *document.pointer_mut(place).expect("it has this place") = value;
        door(document.to_string().as_bytes());
    }
}

#[test]
fn anything_may_stand_at_every_place_of_a_customer() {
    anything_at_every_place(&whole_customer_body(), customer_body);
}

#[test]
fn anything_may_stand_at_every_place_of_an_event() {
    anything_at_every_place(&whole_event_body(), event_body);
}

#[test]
fn anything_may_stand_at_every_place_of_a_seed() {
    anything_at_every_place(&whole_seed(), seed);
    for place in ["", "/store", "/secret", "/customer", "/event"] {
        anything_at(place, &whole_line(), seed);
    }
}

#[test]
fn a_document_may_end_anywhere() {
    for (whole, door) in [
        (whole_customer_body(), customer_body as fn(&[u8])),
        (whole_event_body(), event_body),
        (whole_seed(), seed),
    ] {
        let text = whole.to_string();
        (0..text.len()).for_each(|end| door(&text.as_bytes()[..end]));
    }
}

/// A cursor for every filter and flag, altered at every place in every way.
#[test]
fn a_cursor_is_refused_however_it_is_altered() {
    for flags in 0..=u8::MAX {
        cursor(&[[flags, 9, 3, 7].as_slice(), b"a@b.c,d"].concat());
    }
    for what in 0..7_u8 {
        for at in 0..=u8::MAX {
            for with in *b"A=% " {
                cursor(&[0b110_0001, 9, 3, 5, b'a', b'@', b'b', b'.', b'c', what, at, with]);
            }
        }
    }
}

/// Texts that mean something somewhere.
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

/// A document with up to three places replaced, or with one more key there.
fn altered(whole: Value) -> impl Strategy<Value = Value> {
    let change = (any::<Index>(), any_json(), proptest::option::of(any_text()));
    vec(change, 1..4).prop_map(move |changes| {
        let mut document = whole.clone();
        for (at, value, key) in changes {
            let places = places(&document);
            let place = document
                .pointer_mut(at.get(&places).as_str())
                .expect("it has this place");
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

const ARGUMENTS: &[&str] = &[
    "",
    "true",
    "false",
    "loyalty,reviews",
    "loyalty,,orders",
    "1",
    "2",
    "100",
    "101",
    "c-1,c-3,7,c-3",
    ",",
];

fn any_query() -> impl Strategy<Value = String> {
    let cursor = (any::<[u8; 3]>(), any_text()).prop_map(|(bytes, text)| {
        let text = text.as_bytes();
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        Cursor::encode(asked_by(&[&bytes[..], &[length], text].concat()).0, HERE)
    });
    let value = prop_oneof![
        4 => select(ARGUMENTS).prop_map(str::to_owned),
        2 => any_text(),
        2 => cursor,
    ];
    // Each value goes out encoded or as it is.
    let parameter = (select(PARAMETERS), value, any::<bool>()).prop_map(|(name, value, encoded)| match encoded {
        true => format!(
            "{name}={}",
            form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()
        ),
        false => format!("{name}={value}"),
    });
    vec(parameter, 0..5).prop_map(|parameters| parameters.join("&"))
}

proptest! {
    #[test]
    fn any_customer_body_keeps_the_laws(body in altered(whole_customer_body())) {
        customer_body(body.to_string().as_bytes());
    }

    #[test]
    fn any_event_body_keeps_the_laws(body in altered(whole_event_body())) {
        event_body(body.to_string().as_bytes());
    }

    #[test]
    fn any_query_keeps_the_laws(text in any_query()) {
        query(text.as_bytes());
    }

    #[test]
    fn any_cursor_keeps_the_laws(
        head in any::<[u8; 3]>(),
        text in any_text(),
        script in vec((0..8_u8, any::<bool>(), any::<[u8; 2]>()), 0..4),
    ) {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let script = script
            .into_iter()
            .flat_map(|(what, from_the_end, [at, with])| [what | u8::from(from_the_end) << 7, at, with]);
        let bytes: Vec<u8> = head.into_iter().chain([length]).chain(text.into_bytes()).chain(script).collect();
        cursor(&bytes);
    }

    #[test]
    fn any_seed_keeps_the_laws(document in altered(whole_seed()), line in altered(whole_line())) {
        seed(document.to_string().as_bytes());
        seed(line.to_string().as_bytes());
        seed(format!("{line}\n{document}").as_bytes());
    }

    #[test]
    fn any_bytes_keep_the_laws(bytes in vec(any::<u8>(), 0..64)) {
        [customer_body, event_body, query, cursor, seed].iter().for_each(|door| door(&bytes));
    }
}
