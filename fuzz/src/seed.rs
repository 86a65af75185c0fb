//! The seed document.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use yotpo_mock::__internal::StoreState;
use yotpo_mock::__internal::json::parse_value;
use yotpo_mock::__internal::seed::{Stores, load};
use yotpo_mock::Validation;

use super::{contents, read_options, whole_store};

/// A seed document.
///
/// # Panics
///
/// If a property of seeds does not hold.
pub fn seed(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for validation in [Validation::Strict, Validation::Lenient] {
        let mut stores = Stores::new();
        match load(text, read_options(validation), &mut stores) {
            Err(error) => assert!(!error.to_string().is_empty(), "an error has a message"),
            Ok(_) => {
                assert_arrays_are_lists(text);
                stores.iter().for_each(|(id, state)| check(id, state, validation));
            }
        }
    }
}

/// serde reads a struct from an array as well as from an object. A seed must not.
fn assert_arrays_are_lists(text: &str) {
    const LISTS: [&str; 5] = ["stores", "customers", "events", "lists", "top_topics"];
    fn check(value: &Value, is_list: bool) {
        match value {
            Value::Object(object) => object.iter().for_each(|(key, value)| check(value, LISTS.contains(&key.as_str()))),
            Value::Array(values) => {
                assert!(is_list, "{values:?} was read as an object");
                values.iter().for_each(|value| check(value, false));
            }
            _ => {}
        }
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for item in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let item = item.expect("an accepted seed is JSON").get();
        check(&parse_value(item.as_bytes()).expect("an accepted seed is JSON"), false);
    }
}

/// Asserts that the indexes of a seeded store are consistent, and that seeding another store with its customers as returned
/// gives the same customers.
fn check(id: &str, state: &StoreState, validation: Validation) {
    assert!(!id.is_empty(), "a store has an id");
    state.audit();
    let (customers, _) = contents(state);
    let mut copy = StoreState::default();
    for profile in state.page(&whole_store()).customers() {
        copy.append(profile.customer());
    }
    assert_eq!(contents(&copy).0, customers, "a profile holds its customer unchanged");

    let document = json!({"stores": [{"id": id, "customers": customers}]}).to_string();
    let mut stores = Stores::new();
    if let Err(error) = load(&document, read_options(validation), &mut stores) {
        panic!("{document} was returned, but seeding with it is rejected: {error}");
    }
    assert_eq!(contents(&stores[id]).0, customers, "returned customers seed the same customers");
}
