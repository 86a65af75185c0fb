//! What one writes in an hour: actix-web, serde_json and one concurrent map. A write is parsed and kept under its key; nothing
//! is validated, merged or journalled. A read is answered with the bytes that the server was given for its query.

use actix_web::error::ErrorBadRequest;
use actix_web::web::{self, Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use dashmap::DashMap;
use reference_servers::{Answer, Answers, arguments, serve};
use serde_json::Value;

#[derive(Default)]
struct Kept {
    customers: DashMap<String, Value>,
    events: DashMap<String, Value>,
}

/// Keeps what stands under `name` in a body by its `key`.
fn keep(
    map: &DashMap<String, Value>,
    mut body: Value,
    name: &str,
    key: &str,
    answer: &Answer,
) -> actix_web::Result<HttpResponse> {
    let value = body[name].take();
    let Some(key) = value[key].as_str() else {
        return Err(ErrorBadRequest("it has no key"));
    };
    map.insert(key.to_owned(), value);
    Ok(answer.respond())
}

async fn read(request: HttpRequest, answers: Data<Answers>) -> HttpResponse {
    answers.read(request.query_string())
}

async fn customer(answers: Data<Answers>, kept: Data<Kept>, body: Json<Value>) -> actix_web::Result<HttpResponse> {
    keep(
        &kept.customers,
        body.into_inner(),
        "customer",
        "external_id",
        &answers.customer,
    )
}

async fn event(answers: Data<Answers>, kept: Data<Kept>, body: Json<Value>) -> actix_web::Result<HttpResponse> {
    keep(
        &kept.events,
        body.into_inner(),
        "customer_event",
        "unique_id",
        &answers.event,
    )
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let (port, answers) = arguments();
    let (answers, kept) = (Data::new(answers), Data::new(Kept::default()));
    serve(port, move |paths| {
        let customers = web::resource("/core/v3/stores/{store_id}/customers");
        let events = web::resource("/core/v3/stores/{store_id}/customer_events");
        paths
            .app_data(answers.clone())
            .app_data(kept.clone())
            .service(customers.route(web::get().to(read)).route(web::patch().to(customer)))
            .service(events.route(web::patch().to(event)));
    })
    .await
}
