//! Custom customer events over HTTP: `upsertCustomerEvent`.

use actix_web::http::Method;

use super::answer::Answer;
use super::body::Body;
use super::head::Head;
use super::request_context::RequestContext;
use crate::domain::note::Note;
use crate::domain::rejection::Rejection;
use crate::domain::store::Write;
use crate::domain::validation::read_event;

/// `PATCH /core/v3/stores/{store_id}/customer_events`, and `POST` instead.
pub(super) async fn upsert(context: &RequestContext, head: &Head<'_>, body: Body<'_>) -> Result<Answer, Rejection> {
    context.note(Note::EventsEndpoint);
    if head.method == Method::POST {
        context.note(Note::EventsMethodPost);
    }
    let body = body.text().await?;
    let body = body.parse()?;
    let store_scope = context.store_scope();
    let (event, customer) = context.read(|diagnostics| {
        read_event(
            &body,
            store_scope.settings.validation_options(),
            store_scope.now,
            diagnostics,
        )
    })?;
    store_scope.accept(Write::Event(event, customer), context.number);
    Ok(Answer::accepted())
}
