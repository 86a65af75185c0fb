//! `retrieveCustomers` and `upsertCustomer`.

use actix_web::http::StatusCode;

use crate::domain::note::{Note, RequestNote};
use crate::domain::pagination::PageRequest;
use crate::domain::rejection::Rejection;
use crate::domain::store::Write;
use crate::domain::validation::read_customer;
use crate::http::request::parse_query;
use crate::http::request_context::RequestContext;
use crate::http::response::Response;

/// `GET /core/v3/stores/{store_id}/customers`
pub(super) async fn retrieve(context: &mut RequestContext<'_>) -> Result<Response, Rejection> {
    if context.head.has_body() {
        // For the journal only.
        context.peek_body().await;
        context.notes.push(RequestNote::new(Note::BodyOnGet));
    }
    let parameters = parse_query(context.head.query)?;
    let request =
        context.diagnose(|store, diagnostics| PageRequest::read(&parameters, store.cursor_scope(), diagnostics))?;
    let store = context.store();
    let page = store.page(&request)?.render(request, store.cursor_scope());
    Ok(Response::new(StatusCode::OK, page))
}

/// `PATCH /core/v3/stores/{store_id}/customers`
pub(super) async fn upsert(context: &mut RequestContext<'_>) -> Result<Response, Rejection> {
    let text = context.read_json().await?;
    let body = text.parse()?;
    let customer = context.diagnose(|store, diagnostics| {
        read_customer(&body, store.settings.validation_options(), store.now, diagnostics)
    })?;
    context.store().accept(Write::Customer(customer), context.number);
    Ok(Response::accepted())
}
