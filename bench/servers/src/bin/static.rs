//! actix-web alone: reads a request completely and answers with recorded bytes.

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use reference_servers::{Options, Responses, serve};

async fn read(request: HttpRequest, responses: Data<Responses>) -> HttpResponse {
    responses.replay_read(request.query_string())
}

async fn write_customer(responses: Data<Responses>, _body: Bytes) -> HttpResponse {
    responses.customer.replay()
}

async fn write_event(responses: Data<Responses>, _body: Bytes) -> HttpResponse {
    responses.event.replay()
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let options = Options::from_args();
    let responses = Data::new(options.responses);
    serve(options.port, options.is_tls, move |routes| {
        let customers = web::resource("/core/v3/stores/{store_id}/customers");
        let events = web::resource("/core/v3/stores/{store_id}/customer_events");
        routes
            .app_data(responses.clone())
            .service(customers.route(web::get().to(read)).route(web::patch().to(write_customer)))
            .service(events.route(web::patch().to(write_event)));
    })
    .await
}
