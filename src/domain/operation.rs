//! The operations of the vendor's surface.

/// One thing that a client can ask of the vendor, named as in `openapi/customers.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    CreateAccessToken,
    CreateOauthToken,
    RetrieveCustomers,
    UpsertCustomer,
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
