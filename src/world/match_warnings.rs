//! Warnings about a match in a fault or an expectation that is possible, but that no request of an ordinary client meets.

use serde_json::{Map, Value};

use crate::domain::customer::Customer;
use crate::domain::operation::Operation;
use crate::domain::pagination::PARAMETERS;
use crate::domain::text::{did_you_mean, join_quoted};
use crate::domain::validation::EVENT_FIELDS;

/// Warnings about query parameters and fields of a body that the operation does not have. Without an operation there are none.
pub(crate) fn match_warnings(expected: &Map<String, Value>) -> Vec<String> {
    let Some(operation) = expected.get("operation").and_then(Value::as_str).and_then(Operation::from_name) else {
        return Vec::new();
    };
    let keys = |path: &[&str]| {
        let found = path.iter().try_fold(expected, |object, key| object.get(*key)?.as_object());
        found.into_iter().flat_map(Map::keys)
    };
    let mut warnings = Vec::new();
    let mut check = |path: &[&str], known: &[&str]| {
        for key in keys(path).filter(|key| !known.contains(&key.as_str())) {
            let place = [path, &[key]].concat().join(".");
            let hint = did_you_mean(key, known.iter().copied());
            warnings.push(format!(
                "`{operation}` does not know `{place}`, only {known}{hint}",
                operation = operation.as_str(),
                known = join_quoted(known)
            ));
        }
    };
    let customer: Vec<_> = Customer::FIELDS.iter().map(|field| field.name).collect();
    let event = EVENT_FIELDS.concat();
    match operation {
        Operation::RetrieveCustomers => {
            check(&["query"], &PARAMETERS.concat());
            if expected.get("body").is_some_and(|body| !body.is_null()) {
                warnings.push("`retrieveCustomers` has no `body`".to_owned());
            }
            return warnings;
        }
        Operation::UpsertCustomer => {
            check(&["body"], &["customer"]);
            check(&["body", "customer"], &customer);
        }
        Operation::UpsertCustomerEvent => {
            check(&["body"], &[&["customer_event"][..], &event].concat());
            check(&["body", "customer_event"], &event);
            check(&["body", "customer_event", "customer"], &customer);
            check(&["body", "customer"], &customer);
        }
        Operation::CreateAccessToken => check(&["body"], &["secret"]),
        Operation::CreateOauthToken => check(&["body"], &["client_id", "client_secret", "grant_type"]),
    }
    check(&["query"], &["access_token"]);
    warnings
}
