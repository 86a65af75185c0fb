//! A simple fake, an hour's work: actix-web, serde_json and concurrent maps. A write is parsed and stored under its key, without
//! validation, merging or a journal. A read is answered with the recorded bytes of its query.

use actix_web::error::ErrorBadRequest;
use actix_web::web::{self, Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use dashmap::DashMap;
use reference_servers::{Options, RecordedResponse, Responses, serve};
use serde_json::Value;

#[derive(Default)]
struct Storage {
    customers: DashMap<String, Value>,
    events: DashMap<String, Value>,
}

/// Stores the object `name` of a body under its `key`.
fn store(
    map: &DashMap<String, Value>,
    mut body: Value,
    name: &str,
    key: &str,
    response: &RecordedResponse,
) -> actix_web::Result<HttpResponse> {
    let value = body[name].take();
    let Some(key) = value[key].as_str() else {
        return Err(ErrorBadRequest("the key is missing"));
    };
    map.insert(key.to_owned(), value);
    Ok(response.replay())
}

async fn read(request: HttpRequest, responses: Data<Responses>) -> HttpResponse {
    responses.replay_read(request.query_string())
}

async fn write_customer(
    responses: Data<Responses>,
    storage: Data<Storage>,
    body: Json<Value>,
) -> actix_web::Result<HttpResponse> {
    let body = body.into_inner();
    store(&storage.customers, body, "customer", "external_id", &responses.customer)
}

async fn write_event(
    responses: Data<Responses>,
    storage: Data<Storage>,
    body: Json<Value>,
) -> actix_web::Result<HttpResponse> {
    let body = body.into_inner();
    store(&storage.events, body, "customer_event", "unique_id", &responses.event)
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let (responses, storage) = (Data::new(options.responses), Data::new(Storage::default()));
    serve(options.port, options.is_tls, move |routes| {
        let customers = web::resource("/core/v3/stores/{store_id}/customers");
        let events = web::resource("/core/v3/stores/{store_id}/customer_events");
        routes
            .app_data(responses.clone())
            .app_data(storage.clone())
            .service(customers.route(web::get().to(read)).route(web::patch().to(write_customer)))
            .service(events.route(web::patch().to(write_event)));
    })
    .await
}
