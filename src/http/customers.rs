//! Customers over HTTP: `retrieveCustomers` and `upsertCustomer`.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse};

use super::body::{self, Body};
use super::error::Refused;
use super::exchange::Exchange;
use super::outgoing::paged;
use crate::domain::pagination::PageRequest;
use crate::domain::store::Write;
use crate::domain::validation::read_customer;

/// `GET /core/v3/stores/{store_id}/customers`
pub(super) fn retrieve(exchange: &Exchange, request: &HttpRequest) -> Result<HttpResponse, Refused> {
    let parameters = body::parameters(request.query_string())?;
    let visit = exchange.visit();
    let place = visit.place();
    let asked = exchange.read(|findings| PageRequest::read(&parameters, place, findings))?;
    let page = visit.page(&asked)?.told(asked, place);
    let mut answer = HttpResponse::Ok();
    answer.content_type(ContentType::json());
    Ok(paged(answer, page))
}

/// `PATCH /core/v3/stores/{store_id}/customers`
pub(super) async fn upsert(exchange: &Exchange, body: Body) -> Result<HttpResponse, Refused> {
    let body = body.text().await?;
    let body = body.parse()?;
    let visit = exchange.visit();
    let customer = exchange.read(|findings| read_customer(&body, visit.settings.terms, visit.now, findings))?;
    visit.accept(Write::Customer(customer), exchange.number);
    Ok(accepted())
}

/// What a write is answered with; nobody reads it.
pub(super) fn accepted() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body("{}")
}
