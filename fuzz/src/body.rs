//! The bodies of the two writes.

use serde_json::json;
use yotpo_mock::__internal::json::{Json, parse};
use yotpo_mock::__internal::{
    Diagnostics, PageRequest, StoreState, ValidationOptions, Write, read_customer, read_event,
};
use yotpo_mock::{BrokenRule, Validation};

use super::{STORE, assert_names_rules, contents, customers, now, whole_store};

/// The body of a create-or-update request.
///
/// # Panics
///
/// If a property of reading, writing or merging does not hold.
pub fn customer_body(bytes: &[u8]) {
    write(bytes, |body, options, diagnostics| read_customer(body, options, now(), diagnostics).map(Write::Customer));
}

/// The body of a custom event.
///
/// # Panics
///
/// If a property of reading, writing or merging does not hold.
pub fn event_body(bytes: &[u8]) {
    write(bytes, |body, options, diagnostics| {
        read_event(body, options, now(), diagnostics).map(|(event, customer)| Write::Event(event, customer))
    });
}

fn write(
    bytes: &[u8],
    read: impl Fn(&Json<'_>, ValidationOptions, &mut Diagnostics) -> Result<Write, Vec<BrokenRule>>,
) {
    let Ok(body) = parse(bytes) else { return };
    for options in all_options() {
        match read(&body, options, &mut Diagnostics::default()) {
            Ok(write) => {
                apply(&write, &mut StoreState::default(), options);
                apply(&write, &mut STORE.clone(), options);
            }
            Err(broken_rules) => assert_names_rules(&broken_rules),
        }
    }
}

fn all_options() -> impl Iterator<Item = ValidationOptions> {
    [Validation::Strict, Validation::Lenient].into_iter().flat_map(|validation| {
        [false, true].map(|enforce_deprecations| ValidationOptions { validation, enforce_deprecations })
    })
}

/// Asserts that an accepted write keeps the indexes consistent, and that neither repeating it nor writing back the customer
/// that results changes the store.
fn apply(write: &Write, state: &mut StoreState, options: ValidationOptions) {
    let (Write::Customer(customer) | Write::Event(_, customer)) = write;
    state.accept(write.clone(), 1, now(), now());
    state.audit();
    let before = contents(state);
    state.accept(write.clone(), 1, now(), now());
    assert_eq!(contents(state), before, "repeating a write changes nothing");

    let number = state.find(&customer.identifiers()).expect("a write stores its customer");
    let page = state.page(&PageRequest { limit: 1, after: number - 1, ..whole_store() });
    let body = json!({ "customer": customers(page).remove(0) });
    let customer = read_customer(&Json::from(&body), options, now(), &mut Diagnostics::default())
        .unwrap_or_else(|rejection| panic!("{body} was returned, but writing it is rejected: {rejection:?}"));
    state.accept(Write::Customer(customer), 1, now(), now());
    state.audit();
    assert_eq!(contents(state), before, "writing back a customer as returned changes nothing");
}
