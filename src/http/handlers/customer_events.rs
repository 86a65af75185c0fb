//! `upsertCustomerEvent`.

use actix_web::http::Method;

use crate::domain::note::{Note, RequestNote};
use crate::domain::rejection::Rejection;
use crate::domain::store::Write;
use crate::domain::validation::read_event;
use crate::http::request_context::RequestContext;
use crate::http::response::Response;

/// `PATCH /core/v3/stores/{store_id}/customer_events`, and `POST`, which is an assumption.
pub(super) async fn upsert(context: &mut RequestContext<'_>) -> Result<Response, Rejection> {
    context.notes.push(RequestNote::new(Note::EventsEndpoint));
    if context.head.method == Method::POST {
        context.notes.push(RequestNote::new(Note::EventsMethodPost));
    }
    let text = context.read_json().await?;
    let body = text.parse()?;
    let (event, customer) = context.diagnose(|store, diagnostics| {
        read_event(&body, store.settings.validation_options(), store.now, diagnostics)
    })?;
    context.store().accept(Write::Event(event, customer), context.number);
    Ok(Response::accepted())
}
