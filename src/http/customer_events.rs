//! Custom customer events over HTTP: `upsertCustomerEvent`.

use actix_web::http::Method;

use super::answer::Answer;
use super::body::Body;
use super::exchange::Exchange;
use super::head::Head;
use crate::domain::note::Note;
use crate::domain::rejection::Rejection;
use crate::domain::store::Write;
use crate::domain::validation::read_event;

/// `PATCH /core/v3/stores/{store_id}/customer_events`, and `POST` instead.
pub(super) async fn upsert(exchange: &Exchange, head: &Head<'_>, body: Body<'_>) -> Result<Answer, Rejection> {
    exchange.note(Note::EventsEndpoint);
    if head.method == Method::POST {
        exchange.note(Note::EventsMethodPost);
    }
    let body = body.text().await?;
    let body = body.parse()?;
    let visit = exchange.visit();
    let (event, customer) = exchange.read(|findings| read_event(&body, visit.settings.terms, visit.now, findings))?;
    visit.accept(Write::Event(event, customer), exchange.number);
    Ok(Answer::accepted())
}
