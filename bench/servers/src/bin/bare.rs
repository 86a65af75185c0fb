//! actix-web and nothing else: reads a request whole and answers the bytes that it was given.

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use reference_servers::{Answers, arguments, serve};

async fn read(request: HttpRequest, answers: Data<Answers>) -> HttpResponse {
    answers.read(request.query_string())
}

async fn customer(answers: Data<Answers>, _body: Bytes) -> HttpResponse {
    answers.customer.respond()
}

async fn event(answers: Data<Answers>, _body: Bytes) -> HttpResponse {
    answers.event.respond()
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let (port, answers) = arguments();
    let answers = Data::new(answers);
    serve(port, move |paths| {
        let customers = web::resource("/core/v3/stores/{store_id}/customers");
        let events = web::resource("/core/v3/stores/{store_id}/customer_events");
        paths
            .app_data(answers.clone())
            .service(customers.route(web::get().to(read)).route(web::patch().to(customer)))
            .service(events.route(web::patch().to(event)));
    })
    .await
}
