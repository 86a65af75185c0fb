//! The laws of the state document, as properties over random histories: out, in and out again is the same to the byte, and so
//! is everything that happens afterwards.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::read::parse_time;
use super::*;
use crate::domain::json::Json;
use crate::domain::rejection::Rejection;
use crate::domain::store::Write as Accepted;
use crate::domain::timestamp;
use crate::domain::validation::{Diagnostics, ValidationOptions, read_customer, read_event};
use crate::world::clock::Clock;
use crate::world::seed::Stores;
use crate::world::settings::Settings;
use crate::world::{RequestScope, World};

/// One thing that happens to a world.
#[derive(Clone, Debug)]
enum Step {
    Customer(&'static str, Value),
    Event(&'static str, Value),
    Token(&'static str),
    Count(&'static str),
    Advance(Option<&'static str>, u64),
    Change(Option<&'static str>, Value),
    Settle,
    Seed(&'static str, Value),
}

fn world() -> Arc<World> {
    let now = "2026-01-01T00:00:00Z".parse().expect("a time");
    Arc::new(World::new(Settings::default(), Clock::frozen_at(now), Stores::new()))
}

fn run(world: &Arc<World>, steps: &[Step]) {
    let visit = |store: &str| RequestScope::store_scope(&world.request_scope(), store);
    for (at, step) in steps.iter().enumerate() {
        let request = u64::try_from(at).expect("steps are few");
        match step {
            Step::Customer(store, customer) => {
                let visit = visit(store);
                let read = read_customer(
                    &Json::from(&json!({ "customer": customer })),
                    visit.settings.validation_options(),
                    visit.now,
                    &mut Diagnostics::default(),
                );
                visit.accept(Accepted::Customer(read.expect("it breaks no rule")), request);
            }
            Step::Event(store, event) => {
                let visit = visit(store);
                let terms = ValidationOptions::default();
                let read = read_event(
                    &Json::from(&json!({ "customer_event": event })),
                    terms,
                    visit.now,
                    &mut Diagnostics::default(),
                );
                let (event, customer) = read.expect("it breaks no rule");
                visit.accept(Accepted::Event(event, customer), request);
            }
            Step::Token(store) => {
                visit(store).issue_token();
            }
            Step::Count(store) => {
                // Whether it is over the limit shows in the state.
                let _ = visit(store).count();
            }
            Step::Advance(store, milliseconds) => {
                let by = std::time::Duration::from_nanos(milliseconds * 1_000_001);
                world.clock.advance(*store, by).expect("not too far");
            }
            Step::Change(store, patch) => {
                let memory = world.memory();
                let patch = patch.as_object().expect("an object");
                let changes = memory.overrides(*store).patched(patch).expect("good settings");
                memory.set_overrides(*store, changes);
            }
            Step::Settle => {
                world.settle(None);
            }
            Step::Seed(store, customer) => {
                let seed = json!({ "store": store, "customer": customer });
                world.seed(&seed.to_string()).expect("a good seed");
            }
        }
    }
}

fn document(state: &State) -> String {
    let mut text = Vec::new();
    state.write(&mut text).expect("a Vec takes all writes");
    String::from_utf8(text).expect("JSON is UTF-8")
}

fn store() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("shop"), Just("other \" ü")]
}

fn names() -> impl Strategy<Value = Map<String, Value>> {
    let email = || {
        (0..3_u8, any::<bool>()).prop_map(|(at, upper)| format!("{}{at}@example.com", if upper { "A" } else { "a" }))
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
        any::<f64>()
            .prop_filter("JSON has no other", |number| number.is_finite())
            .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,3}".prop_map(Value::from),
    ];
    let properties = proptest::collection::btree_map("[pq]", property, 0..2);
    (names(), text.clone(), text, properties, any::<bool>()).prop_map(
        |(mut customer, name, city, properties, accepts)| {
            customer.insert("first_name".to_owned(), json!(name));
            customer.insert("address".to_owned(), json!({ "city": city }));
            customer.insert("custom_properties".to_owned(), json!(properties));
            customer.insert("accepts_sms_marketing".to_owned(), json!(accepts));
            Value::Object(customer)
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let event =
        (names(), 0..4_u8).prop_map(|(customer, id)| json!({ "unique_id": id, "type": "t", "customer": customer }));
    let change = prop_oneof![
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
        2 => (option::of(store()), 0..2000_u64).prop_map(|(store, by)| Step::Advance(store, by)),
        1 => (option::of(store()), change).prop_map(|(store, change)| Step::Change(store, change)),
        1 => Just(Step::Settle),
        1 => (store(), seeded).prop_map(|(store, customer)| Step::Seed(store, customer)),
    ]
}

proptest! {
    #[test]
    fn a_state_that_is_put_back_is_the_same_to_the_byte_and_so_is_what_follows(
        before in vec(step(), 0..40),
        elsewhere in vec(step(), 0..10),
        after in vec(step(), 0..20),
    ) {
        let (one, other) = (world(), world());
        run(&one, &before);
        run(&other, &elsewhere);
        let told = document(&one.state());
        other.restore_document(None, &told).expect("what came out goes in");
        prop_assert_eq!(&document(&other.state()), &told);
        for id in other.memory().store_ids() {
            other.memory().store(&id).expect("it was listed").state.lock().audit();
        }
        for world in [&one, &other] {
            run(world, &after);
        }
        prop_assert_eq!(document(&other.state()), document(&one.state()));
        for id in other.memory().store_ids() {
            other.memory().store(&id).expect("it was listed").state.lock().audit();
        }
    }

    #[test]
    fn a_store_that_is_put_back_alone_is_the_same_to_the_byte_and_leaves_the_others(
        before in vec(step(), 0..40),
        then in vec(step(), 0..20),
    ) {
        let world = world();
        run(&world, &before);
        if world.memory().store("shop").is_some() {
            let told = document(&world.state().of_store("shop"));
            run(&world, &then);
            let other = document(&world.state().of_store("other \" ü"));
            world.restore_document(Some("shop"), &told).expect("what came out goes in");
            let now = "\"now\"";
            prop_assert!(!told.contains(now) && !other.contains(now), "the time of all is not a store's");
            // The offset is the store's own; of all stores the time has gone on, which may have settled writes.
            let advanced = then.iter().any(|step| matches!(step, Step::Advance(None, 1..)));
            if !advanced {
                prop_assert_eq!(document(&world.state().of_store("shop")), told);
            }
            prop_assert_eq!(document(&world.state().of_store("other \" ü")), other);
        }
    }

    #[test]
    fn no_damaged_document_is_taken_for_a_whole_one_nor_panics(
        before in vec(step(), 0..20),
        cut in any::<proptest::sample::Index>(),
        digit in any::<proptest::sample::Index>(),
    ) {
        let world = world();
        run(&world, &before);
        let told = document(&world.state());
        let end = told.floor_char_boundary(cut.index(told.len() - 2));
        prop_assert!(world.restore_document(None, &told[..end]).is_err());
        prop_assert_eq!(&document(&world.state()), &told, "what is refused changes nothing");
        let digits: Vec<_> = told.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        if !digits.is_empty() {
            let mut other = told.into_bytes();
            let at = digits[digit.index(digits.len())];
            other[at] = if other[at] == b'9' { b'0' } else { b'9' };
            let other = String::from_utf8(other).expect("a digit for a digit");
            if world.restore_document(None, &other).is_ok() {
                for id in world.memory().store_ids() {
                    world.memory().store(&id).expect("it was listed").state.lock().audit();
                }
                run(&world, &before);
                document(&world.state());
            }
        }
    }
}

#[test]
fn the_last_moment_that_there_is_is_read_back() {
    let last = DateTime::<Utc>::MAX_UTC;
    assert_eq!(parse_time("", &timestamp::rfc3339(last)), Ok(last));
}

#[test]
fn a_token_call_for_a_store_that_was_not_declared_is_refused_after_a_state_came_in() {
    let world = world();
    world
        .restore_document(None, r#"{"stores":[{"id":"shop","secret":"s"}]}"#)
        .expect("a seed is a state");
    let visit = world.request_scope().store_scope("other");
    assert!(matches!(visit.check_store(), Err(Rejection::UnknownStore)));
}
