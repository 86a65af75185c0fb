//! wiremock-rs with one stub per kind of request, as its documentation shows; it stores nothing but what it received.

use std::net::TcpListener;
use std::time::Duration;

use reference_servers::{Answer, arguments};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn template(answer: &Answer) -> ResponseTemplate {
    let template = ResponseTemplate::new(200).set_body_bytes(answer.body.to_vec());
    answer.headers.iter().fold(template, |template, (name, value)| {
        template.append_header(name.as_str(), value.to_str().expect("an ASCII header"))
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (port, answers) = arguments();
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let server = MockServer::builder().listener(listener).start().await;
    for (verb, path, answer) in [
        ("GET", "/customers$", &answers.read),
        ("PATCH", "/customers$", &answers.customer),
        ("PATCH", "/customer_events$", &answers.event),
    ] {
        let stub = Mock::given(method(verb)).and(path_regex(path));
        stub.respond_with(template(answer)).mount(&server).await;
    }
    tokio::time::sleep(Duration::MAX).await;
}
