//! The operations of the vendor's surface.

/// One thing that a client can ask of the vendor, named as in `openapi/customers.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `POST /core/v3/stores/{store_id}/access_tokens`: a token for the store's secret.
    CreateAccessToken,
    /// `POST /oauth/token`: the same, as a form or as JSON.
    CreateOauthToken,
    /// `GET /core/v3/stores/{store_id}/customers`: customers, page by page.
    RetrieveCustomers,
    /// `PATCH /core/v3/stores/{store_id}/customers`: creates or updates a customer.
    UpsertCustomer,
    /// `PATCH /core/v3/stores/{store_id}/customer_events`: creates or updates a custom event.
    UpsertCustomerEvent,
}

impl Operation {
    /// Every operation there is.
    pub const ALL: &[Operation] = &[
        Operation::CreateAccessToken,
        Operation::CreateOauthToken,
        Operation::RetrieveCustomers,
        Operation::UpsertCustomer,
        Operation::UpsertCustomerEvent,
    ];

    /// The operation's name: `retrieveCustomers`.
    ///
    /// ```
    /// assert_eq!(yotpo_mock::Operation::UpsertCustomer.as_str(), "upsertCustomer");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::CreateAccessToken => "createAccessToken",
            Operation::CreateOauthToken => "createOauthToken",
            Operation::RetrieveCustomers => "retrieveCustomers",
            Operation::UpsertCustomer => "upsertCustomer",
            Operation::UpsertCustomerEvent => "upsertCustomerEvent",
        }
    }

    /// Whether a token must come with the call; the others are how one gets a token.
    pub(crate) fn needs_token(self) -> bool {
        !matches!(self, Operation::CreateAccessToken | Operation::CreateOauthToken)
    }
}
