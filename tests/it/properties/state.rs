//! State documents: a restored state is the same to the byte, and so is everything that happens afterwards.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::{Client, config, form_encoded};
use crate::support::Emulator;

/// Few enough that the suite stays quick: a case sends some fifty requests.
const CASES: u32 = 64;

/// The second one must be escaped in JSON and in paths.
const STORES: [&str; 2] = ["shop", "other \" ü"];

/// Something that changes the state of an emulator.
#[derive(Clone, Debug)]
enum Step {
    Customer(&'static str, Value),
    Event(&'static str, Value),
    Token(&'static str),
    /// A request that the rate limit counts.
    Count(&'static str),
    Advance(Option<&'static str>, u32),
    Settings(Option<&'static str>, Value),
    Settle,
    Seed(&'static str, Value),
}

/// An emulator whose state is the same at the start of each case.
struct Subject {
    emulator: Emulator,
    at_start: String,
    clients: [Client; 2],
}

impl Subject {
    fn new() -> Subject {
        let emulator = Emulator::undeclared();
        Subject {
            at_start: emulator.mock.snapshot().to_json(),
            clients: STORES.map(|store| Client::new(emulator.address(), &form_encoded(store), "any")),
            emulator,
        }
    }

    fn clear(&self) {
        self.restore(&self.at_start);
    }

    fn restore(&self, document: &str) {
        self.emulator.mock.restore_json(document).expect("a state that was returned is valid");
    }

    fn document(&self) -> String {
        self.emulator.mock.snapshot().to_json()
    }

    fn store_document(&self, store: &str) -> String {
        self.control("GET", "/state", Some(store), "")
    }

    /// Sends a request to the control API; returns the body of the response.
    fn control(&self, method: &str, path: &str, store: Option<&str>, body: &str) -> String {
        let query = store.map_or_else(String::new, |store| format!("?store={}", form_encoded(store)));
        let mut request = self.emulator.control(method, &format!("{path}{query}"));
        if !body.is_empty() {
            request = request.body("application/json", body);
        }
        let response = request.send();
        assert_eq!(response.status(), 200, "{response}");
        String::from_utf8(response.body).expect("JSON is UTF-8")
    }

    /// Looks up each customer by its identifiers, so that the index of a restored store is complete.
    fn check_lookups(&mut self, store: &str) {
        let client = self.client(store);
        for customer in client.all_customers(100) {
            for (parameter, field) in
                [("external_ids", "external_id"), ("email", "email"), ("phone_number", "phone_number")]
            {
                let Some(value) = customer[field].as_str() else { continue };
                let (found, _) =
                    client.page(&format!("include_custom_properties=true&{parameter}={}", form_encoded(value)));
                assert!(found.contains(&customer), "{parameter}={value} does not find {customer}");
            }
        }
    }

    fn client(&mut self, store: &str) -> &mut Client {
        &mut self.clients[usize::from(store != STORES[0])]
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                // A low rate limit may reject a write, on all emulators alike.
                Step::Customer(store, customer) => {
                    self.client(store).try_send("PATCH", "customers", &json!({ "customer": customer }));
                }
                Step::Event(store, event) => {
                    self.client(store).try_send("PATCH", "customer_events", &json!({ "customer_event": event }));
                }
                Step::Token(store) => {
                    self.client(store).try_send("POST", "access_tokens", &json!({ "secret": "any" }));
                }
                Step::Count(store) => {
                    self.client(store).try_send("GET", "customers", &Value::Null);
                }
                Step::Advance(store, milliseconds) => {
                    // Not a whole number of milliseconds.
                    let seconds = f64::from(*milliseconds) * 0.001_000_001;
                    self.control("POST", "/clock/advance", *store, &json!({ "seconds": seconds }).to_string());
                }
                Step::Settings(store, settings) => {
                    self.control("PATCH", "/settings", *store, &settings.to_string());
                }
                Step::Settle => {
                    self.emulator.mock.settle();
                }
                Step::Seed(store, customer) => {
                    let seed = json!({ "store": store, "customer": customer });
                    self.emulator.mock.seed(&seed.to_string()).expect("a valid seed");
                }
            }
        }
    }
}

fn store() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&STORES[..])
}

fn identifiers() -> impl Strategy<Value = Map<String, Value>> {
    let email = || {
        (0..3_u8, any::<bool>())
            .prop_map(|(at, is_upper)| format!("{}{at}@example.com", if is_upper { "A" } else { "a" }))
    };
    let phone = || (0..3_u8).prop_map(|at| format!("+1000000{at}"));
    let id = (0..3_u8).prop_map(|at| format!("c \"{at}\" ž"));
    prop_oneof![
        3 => (id, option::of(email()), option::of(phone())).prop_map(|(id, email, phone)| (Some(id), email, phone)),
        2 => email().prop_map(|email| (None, Some(email), None)),
        2 => phone().prop_map(|phone| (None, None, Some(phone))),
    ]
    .prop_map(|(id, email, phone)| {
        let all = json!({ "external_id": id, "email": email, "phone_number": phone });
        all.as_object().expect("an object").clone()
    })
}

fn customer() -> impl Strategy<Value = Value> {
    let text = option::of("[a-b\"\\\\é]{0,2}");
    let property = prop_oneof![
        any::<f64>().prop_filter("JSON has no other numbers", |number| number.is_finite()).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,3}".prop_map(Value::from),
    ];
    let properties = proptest::collection::btree_map("[pq]", property, 0..2);
    (identifiers(), text.clone(), text, properties, any::<bool>()).prop_map(
        |(mut customer, name, city, properties, accepts)| {
            customer.insert("first_name".to_owned(), json!(name));
            customer.insert("address".to_owned(), json!({ "city": city }));
            customer.insert("custom_properties".to_owned(), json!(properties));
            customer.insert("accepts_sms_marketing".to_owned(), json!(accepts));
            customer.into()
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let event = (identifiers(), 0..4_u8)
        .prop_map(|(customer, id)| json!({ "unique_id": id.to_string(), "type": "t", "customer": customer }));
    let settings = prop_oneof![
        (0..3000_u64).prop_map(|delay| json!({ "visibility_delay_ms": delay })),
        Just(json!({ "visibility_delay_ms": u64::MAX })),
        Just(json!({ "visibility_delay_ms": 300_000_000_000_000_u64 })),
        (0..5_u32).prop_map(|limit| json!({ "rate_limit": limit })),
        Just(json!({ "rate_limit": null, "validation": "lenient" })),
    ];
    let seeded = (customer(), 0..9_u8).prop_map(|(mut customer, points)| {
        customer["loyalty"] = json!({ "points_balance": points });
        customer["lists"] = json!([{ "id": "7", "since": "2023-05-22" }]);
        customer["channels"] = json!({ "sms": { "marketing": { "consent": "subscribed" } } });
        customer
    });
    prop_oneof![
        6 => (store(), customer()).prop_map(|(store, customer)| Step::Customer(store, customer)),
        3 => (store(), event).prop_map(|(store, event)| Step::Event(store, event)),
        1 => store().prop_map(Step::Token),
        1 => store().prop_map(Step::Count),
        2 => (option::of(store()), 0..2000_u32).prop_map(|(store, by)| Step::Advance(store, by)),
        1 => (option::of(store()), settings).prop_map(|(store, settings)| Step::Settings(store, settings)),
        1 => Just(Step::Settle),
        1 => (store(), seeded).prop_map(|(store, customer)| Step::Seed(store, customer)),
    ]
}

/// Runs a property with emulators that all its cases share.
fn check<S: Strategy>(strategy: S, property: impl Fn(&mut [Subject; 2], S::Value) -> Result<(), TestCaseError>) {
    let subjects = std::cell::RefCell::new([Subject::new(), Subject::new()]);
    let mut runner = proptest::test_runner::TestRunner::new(config(CASES));
    let result = runner.run(&strategy, |value| {
        let mut subjects = subjects.borrow_mut();
        for subject in subjects.iter_mut() {
            subject.clear();
        }
        property(&mut subjects, value)
    });
    result.unwrap_or_else(|error| panic!("{error}\n{runner}"));
}

#[test]
fn a_restored_state_is_the_same_to_the_byte_and_behaves_the_same() {
    let steps = (vec(step(), 0..40), vec(step(), 0..10), vec(step(), 0..20));
    check(steps, |[one, other], (before, elsewhere, after)| {
        one.run(&before);
        other.run(&elsewhere);
        let document = one.document();
        other.restore(&document);
        prop_assert_eq!(&other.document(), &document);
        one.run(&after);
        other.run(&after);
        prop_assert_eq!(without_requests(&other.document()), without_requests(&one.document()));
        for store in STORES {
            // The limits of the case would reject reads.
            for subject in [&one, &other] {
                subject.control("PATCH", "/settings", Some(store), r#"{"rate_limit":1000000}"#);
            }
            prop_assert_eq!(other.client(store).all_customers(100), one.client(store).all_customers(100));
            other.check_lookups(store);
        }
        Ok(())
    });
}

#[test]
fn a_store_that_is_restored_alone_is_the_same_to_the_byte_and_others_stay() {
    let steps = (vec(step(), 0..40), vec(step(), 0..20));
    check(steps, |[subject, _], (before, then)| {
        subject.run(&before);
        if !subject.emulator.mock.store_ids().contains(&"shop".to_owned()) {
            return Ok(());
        }
        let document = subject.store_document("shop");
        subject.run(&then);
        let has_other = subject.emulator.mock.store_ids().iter().any(|id| id == STORES[1]);
        let other = has_other.then(|| subject.store_document(STORES[1]));
        subject.control("PUT", "/state", Some("shop"), &document);
        prop_assert!(!document.contains("\"now\""), "the time of all stores is not a store's");
        // If the time of all stores has advanced, writes may have become visible.
        if !then.iter().any(|step| matches!(step, Step::Advance(None, 1..))) {
            prop_assert_eq!(subject.store_document("shop"), document);
        }
        if let Some(other) = other {
            prop_assert_eq!(subject.store_document(STORES[1]), other);
        }
        Ok(())
    });
}

#[test]
fn a_damaged_document_changes_nothing_or_is_a_valid_state() {
    let steps = (vec(step(), 0..20), any::<Index>(), any::<Index>());
    check(steps, |[subject, _], (before, cut, digit)| {
        subject.run(&before);
        let document = subject.document();
        let end = document.floor_char_boundary(cut.index(document.len() - 2));
        prop_assert!(subject.emulator.mock.restore_json(&document[..end]).is_err());
        prop_assert_eq!(&subject.document(), &document, "a rejected document changes nothing");
        let digits: Vec<_> = document.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        if !digits.is_empty() {
            let mut other = document.into_bytes();
            let at = digits[digit.index(digits.len())];
            other[at] = if other[at] == b'9' { b'0' } else { b'9' };
            let other = String::from_utf8(other).expect("a digit replaces a digit");
            if subject.emulator.mock.restore_json(&other).is_ok() {
                subject.run(&before);
                subject.document();
            }
        }
        Ok(())
    });
}

/// A document without the numbers of requests, which each emulator counts for itself.
fn without_requests(document: &str) -> Value {
    let mut json: Value = serde_json::from_str(document).expect("a state is JSON");
    for store in json["stores"].as_array_mut().into_iter().flatten() {
        for pending in store["pending"].as_array_mut().into_iter().flatten() {
            pending["request"].take();
        }
    }
    json
}
