//! Warnings about a match in a fault or an expectation that is possible, but that no request of an ordinary client meets.

use serde_json::{Map, Value};

use crate::domain::customer::{Address, Customer, Field};
use crate::domain::operation::Operation;
use crate::domain::pagination::PARAMETERS;
use crate::domain::text::{did_you_mean, join_quoted};
use crate::domain::validation::EVENT_FIELDS;

/// The parts of a request whose keys are known, each as the path to its object.
const PARTS: [&[&str]; 7] = [
    &["query"],
    &["body"],
    &["body", "customer"],
    &["body", "customer_event"],
    &["body", "customer_event", "customer"],
    &["body", "customer", "address"],
    &["body", "customer_event", "customer", "address"],
];

/// Warnings about query parameters and fields of a body that no operation has that can match.
pub(crate) fn match_warnings(expected: &Map<String, Value>) -> Vec<String> {
    let operations: Vec<_> = Operation::matching(expected).collect();
    let mut warnings = Vec::new();
    if operations == [Operation::RetrieveCustomers] && expected.get("body").is_some_and(|body| !body.is_null()) {
        warnings.push("`retrieveCustomers` has no `body`".to_owned());
    }
    for part in PARTS {
        let known: Vec<_> = operations.iter().flat_map(|operation| known_keys(*operation, part)).collect();
        if known.is_empty() {
            // The object is in an unknown field, which is reported.
            continue;
        }
        let found = part.iter().try_fold(expected, |object, key| object.get(*key)?.as_object());
        let keys = found.into_iter().flat_map(Map::keys);
        for key in keys.filter(|key| !known.contains(&key.as_str())) {
            let place = [part, &[key]].concat().join(".");
            let hint = did_you_mean(key, known.iter().copied());
            warnings.push(match operations.as_slice() {
                [operation] => {
                    let (operation, known) = (operation.as_str(), join_quoted(&known));
                    format!("`{operation}` does not know `{place}`, only {known}{hint}")
                }
                _ => format!("no operation knows `{place}`{hint}"),
            });
        }
    }
    warnings
}

/// The keys that an operation knows in a part of its requests.
fn known_keys(operation: Operation, part: &[&str]) -> Vec<&'static str> {
    let names = |fields: &[Field]| fields.iter().map(|field| field.name).collect();
    match (operation, part) {
        (Operation::RetrieveCustomers, ["query"]) => PARAMETERS.concat(),
        (_, ["query"]) => vec!["access_token"],
        (Operation::CreateAccessToken, ["body"]) => vec!["secret"],
        (Operation::CreateOauthToken, ["body"]) => vec!["client_id", "client_secret", "grant_type"],
        (Operation::UpsertCustomer, ["body"]) => vec!["customer"],
        (Operation::UpsertCustomer, ["body", "customer"]) => names(Customer::FIELDS),
        (Operation::UpsertCustomerEvent, ["body"]) => [&["customer_event"][..], &EVENT_FIELDS.concat()].concat(),
        (Operation::UpsertCustomerEvent, ["body", "customer_event"]) => EVENT_FIELDS.concat(),
        (Operation::UpsertCustomerEvent, ["body", "customer"] | ["body", "customer_event", "customer"]) => {
            names(Customer::FIELDS)
        }
        (Operation::UpsertCustomer | Operation::UpsertCustomerEvent, [.., "customer", "address"]) => {
            names(Address::FIELDS)
        }
        _ => Vec::new(),
    }
}
