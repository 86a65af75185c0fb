//! Customers over HTTP: `retrieveCustomers` and `upsertCustomer`.

use super::answer::Answer;
use super::body::{self, Body};
use super::head::Head;
use super::request_context::RequestContext;
use crate::domain::pagination::PageRequest;
use crate::domain::rejection::Rejection;
use crate::domain::store::Write;
use crate::domain::validation::read_customer;

/// `GET /core/v3/stores/{store_id}/customers`
pub(super) fn retrieve(context: &RequestContext, head: &Head<'_>) -> Result<Answer, Rejection> {
    let parameters = body::parameters(head.query)?;
    let store_scope = context.store_scope();
    let place = store_scope.cursor_scope();
    let asked = context.read(|diagnostics| PageRequest::read(&parameters, place, diagnostics))?;
    Ok(Answer::page(store_scope.page(&asked)?.render(asked, place)))
}

/// `PATCH /core/v3/stores/{store_id}/customers`
pub(super) async fn upsert(context: &RequestContext, body: Body<'_>) -> Result<Answer, Rejection> {
    let body = body.text().await?;
    let body = body.parse()?;
    let store_scope = context.store_scope();
    let customer = context.read(|diagnostics| {
        read_customer(
            &body,
            store_scope.settings.validation_options(),
            store_scope.now,
            diagnostics,
        )
    })?;
    store_scope.accept(Write::Customer(customer), context.number);
    Ok(Answer::accepted())
}
