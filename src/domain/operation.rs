//! The operations of the emulated API.

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

    /// Whether the request must carry an access token.
    pub(crate) fn needs_token(self) -> bool {
        !matches!(self, Operation::CreateAccessToken | Operation::CreateOauthToken)
    }
}
