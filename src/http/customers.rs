//! Customers over HTTP: `retrieveCustomers` and `upsertCustomer`.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse};

use super::body::{self, Body};
use super::error::Refused;
use super::exchange::Exchange;
use crate::domain::pagination::{Cursor, PageRequest, Place};
use crate::domain::store::{Page, Write};
use crate::domain::validation::read_customer;

/// `GET /core/v3/stores/{store_id}/customers`
pub(super) fn retrieve(exchange: &Exchange, request: &HttpRequest) -> Result<HttpResponse, Refused> {
    let parameters = body::parameters(request.query_string())?;
    let visit = exchange.visit();
    let place = visit.place();
    let asked = exchange.read(|findings| PageRequest::read(&parameters, place, findings))?;
    let page = visit.page(&asked)?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(render(page, asked, place)))
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

/// Joins a page from the JSON that each profile keeps ready.
pub(crate) fn render(page: Page, asked: PageRequest, place: Place<'_>) -> Vec<u8> {
    let mut json = Vec::with_capacity(128 + 1024 * page.customers.len());
    json.extend_from_slice(br#"{"customers":["#);
    for (at, profile) in page.customers.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        profile.write_json(asked.include, &mut json);
    }
    json.extend_from_slice(br#"],"pagination":{"next_page_info":"#);
    match page.customers.last() {
        Some(last) if page.has_more => {
            let cursor = Cursor::encode(
                PageRequest {
                    after: last.number(),
                    ..asked
                },
                place,
            );
            json.extend_from_slice(format!("\"{cursor}\"").as_bytes());
        }
        _ => json.extend_from_slice(b"null"),
    }
    json.extend_from_slice(b"}}");
    json
}
