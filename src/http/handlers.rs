//! The handlers of the emulated API: each reads its request, lets the domain decide, and responds.

mod access_tokens;
mod customer_events;
mod customers;

use super::request_context::RequestContext;
use super::response::Response;
use crate::domain::operation::Operation;
use crate::domain::rejection::Rejection;

/// Handles a request whose caller is authorized.
pub(super) async fn handle(operation: Operation, context: &mut RequestContext<'_>) -> Result<Response, Rejection> {
    match operation {
        Operation::CreateAccessToken => access_tokens::create(context).await,
        Operation::CreateOauthToken => access_tokens::create_oauth(context).await,
        Operation::RetrieveCustomers => customers::retrieve(context).await,
        Operation::UpsertCustomer => customers::upsert(context).await,
        Operation::UpsertCustomerEvent => customer_events::upsert(context).await,
    }
}
