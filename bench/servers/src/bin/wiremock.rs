//! wiremock-rs with one stub per kind of request, as in its documentation. It keeps all requests that it received.

use std::net::TcpListener;
use std::time::Duration;

use reference_servers::{Options, RecordedResponse};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn template(response: &RecordedResponse) -> ResponseTemplate {
    let template = ResponseTemplate::new(200).set_body_bytes(response.body.to_vec());
    response.headers.iter().fold(template, |template, (name, value)| {
        template.append_header(name.as_str(), value.to_str().expect("an ASCII header"))
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::from_args();
    let listener = TcpListener::bind(("127.0.0.1", options.port)).expect("a free port");
    let server = MockServer::builder().listener(listener).start().await;
    for (verb, path, response) in [
        ("GET", "/customers$", &options.responses.read),
        ("PATCH", "/customers$", &options.responses.customer),
        ("PATCH", "/customer_events$", &options.responses.event),
    ] {
        let stub = Mock::given(method(verb)).and(path_regex(path));
        stub.respond_with(template(response)).mount(&server).await;
    }
    tokio::time::sleep(Duration::MAX).await;
}
