//! The operations of the emulated API.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// An operation of the emulated API, named as in `openapi/customers.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `POST /core/v3/stores/{store_id}/access_tokens`: issues a token for the store's secret.
    CreateAccessToken,
    /// `POST /oauth/token`: issues a token, for a form or JSON.
    CreateOauthToken,
    /// `GET /core/v3/stores/{store_id}/customers`: returns pages of customers.
    RetrieveCustomers,
    /// `PATCH /core/v3/stores/{store_id}/customers`: creates or updates a customer.
    UpsertCustomer,
    /// `PATCH /core/v3/stores/{store_id}/customer_events`: creates or updates a custom event.
    UpsertCustomerEvent,
}

impl Operation {
    /// All operations.
    pub const ALL: &[Operation] = &[
        Operation::CreateAccessToken,
        Operation::CreateOauthToken,
        Operation::RetrieveCustomers,
        Operation::UpsertCustomer,
        Operation::UpsertCustomerEvent,
    ];

    /// The name, for example `retrieveCustomers`.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::CreateAccessToken => "createAccessToken",
            Operation::CreateOauthToken => "createOauthToken",
            Operation::RetrieveCustomers => "retrieveCustomers",
            Operation::UpsertCustomer => "upsertCustomer",
            Operation::UpsertCustomerEvent => "upsertCustomerEvent",
        }
    }

    /// The operation with a name.
    pub(crate) fn from_name(name: &str) -> Option<Operation> {
        Operation::ALL.iter().copied().find(|operation| operation.as_str() == name)
    }

    /// The operations that a match of requests admits by its `operation`, `method` and `path`.
    pub(crate) fn matching(expected: &Map<String, Value>) -> impl Iterator<Item = Operation> {
        let text = |key: &str| expected.get(key).and_then(Value::as_str);
        let (name, method, path) = (text("operation"), text("method"), text("path"));
        let is_named = move |operation: Operation| name.is_none_or(|name| name == operation.as_str());
        let all = Operation::ALL.iter().copied();
        all.filter(move |operation| is_named(*operation) && operation.accepts(method, path))
    }

    /// The methods, the documented one first. `HEAD` is handled as `GET`.
    pub(crate) fn methods(self) -> &'static [&'static str] {
        match self {
            Operation::CreateAccessToken | Operation::CreateOauthToken => &["POST"],
            Operation::RetrieveCustomers => &["GET", "HEAD"],
            Operation::UpsertCustomer => &["PATCH"],
            Operation::UpsertCustomerEvent => &["PATCH", "POST"],
        }
    }

    /// The path, with the placeholder `{store_id}` for any store.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Operation::CreateAccessToken => "/core/v3/stores/{store_id}/access_tokens",
            Operation::CreateOauthToken => "/oauth/token",
            Operation::RetrieveCustomers | Operation::UpsertCustomer => "/core/v3/stores/{store_id}/customers",
            Operation::UpsertCustomerEvent => "/core/v3/stores/{store_id}/customer_events",
        }
    }

    /// Whether a request with a method and a percent-encoded path can be this operation.
    pub(crate) fn accepts(self, method: Option<&str>, path: Option<&str>) -> bool {
        let is_path = |path: &str| {
            let (mut found, mut expected) = (path.split('/'), self.path().split('/'));
            let is_equal = expected.by_ref().all(|expected| {
                found.next().is_some_and(|found| match expected {
                    "{store_id}" => !found.is_empty(),
                    _ => percent_decode_str(found).decode_utf8_lossy() == expected,
                })
            });
            is_equal && found.next().is_none()
        };
        method.is_none_or(|method| self.methods().contains(&method)) && path.is_none_or(is_path)
    }

    /// Whether the request must carry an access token.
    pub(crate) fn needs_token(self) -> bool {
        !matches!(self, Operation::CreateAccessToken | Operation::CreateOauthToken)
    }
}
