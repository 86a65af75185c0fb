//! Customers over HTTP: `retrieveCustomers` and `upsertCustomer`.

use super::answer::Answer;
use super::body::{self, Body};
use super::exchange::Exchange;
use super::head::Head;
use crate::domain::pagination::PageRequest;
use crate::domain::rejection::Rejection;
use crate::domain::store::Write;
use crate::domain::validation::read_customer;

/// `GET /core/v3/stores/{store_id}/customers`
pub(super) fn retrieve(exchange: &Exchange, head: &Head<'_>) -> Result<Answer, Rejection> {
    let parameters = body::parameters(head.query)?;
    let visit = exchange.visit();
    let place = visit.place();
    let asked = exchange.read(|findings| PageRequest::read(&parameters, place, findings))?;
    Ok(Answer::page(visit.page(&asked)?.told(asked, place)))
}

/// `PATCH /core/v3/stores/{store_id}/customers`
pub(super) async fn upsert(exchange: &Exchange, body: Body<'_>) -> Result<Answer, Rejection> {
    let body = body.text().await?;
    let body = body.parse()?;
    let visit = exchange.visit();
    let customer = exchange.read(|findings| read_customer(&body, visit.settings.terms, visit.now, findings))?;
    visit.accept(Write::Customer(customer), exchange.number);
    Ok(Answer::accepted())
}
