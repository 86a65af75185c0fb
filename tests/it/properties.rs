//! Properties that hold for all histories of a store, tried with random ones.

mod concurrency;
mod identity;
mod state;

use std::net::SocketAddr;

use proptest::prelude::ProptestConfig;
use serde_json::{Value, json};

use crate::support::{Connection, Response};

/// A client of one store that keeps its connection. Unlike [`Emulator`](crate::support::Emulator), it does not compare each
/// response with `openapi/`, since it sends many thousands of requests.
struct Client {
    connection: Connection,
    path: String,
    token: String,
}

impl Client {
    fn new(address: SocketAddr, store: &str, token: impl Into<String>) -> Client {
        Client { connection: Connection::open(address), path: format!("/core/v3/stores/{store}"), token: token.into() }
    }

    /// Sends a request that must be accepted; returns the body of the response.
    fn send(&mut self, method: &str, resource: &str, body: &str) -> Value {
        let response = self.exchange(method, resource, body);
        assert_eq!(response.status(), 200, "{method} {resource} {body}: {response}");
        response.json()
    }

    fn exchange(&mut self, method: &str, resource: &str, body: &str) -> Response {
        let Client { path, token, .. } = self;
        self.connection.send(format!(
            "{method} {path}/{resource} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        self.connection.response().expect("a response")
    }

    /// Sends a request that may also be rejected by the rate limit.
    fn try_send(&mut self, method: &str, resource: &str, body: &Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = self.exchange(method, resource, &body);
        assert!(matches!(response.status(), 200 | 429), "{method} {resource} {body}: {response}");
    }

    fn upsert(&mut self, customer: &Value) {
        self.send("PATCH", "customers", &json!({ "customer": customer }).to_string());
    }

    fn upsert_event(&mut self, event: &Value) {
        self.send("PATCH", "customer_events", &json!({ "customer_event": event }).to_string());
    }

    /// The customers that a query finds on its first page, and the cursor to the next one.
    fn page(&mut self, query: &str) -> (Vec<Value>, Option<String>) {
        let mut page = self.send("GET", &format!("customers?{query}"), "");
        let Value::Array(customers) = page["customers"].take() else {
            panic!("no customers in {page}");
        };
        let cursor = page["pagination"]["next_page_info"].as_str();
        (customers, cursor.map(str::to_owned))
    }

    /// All customers with their custom properties, page by page.
    fn all_customers(&mut self, limit: usize) -> Vec<Value> {
        let mut query = format!("limit={limit}&include_custom_properties=true");
        let mut all = Vec::new();
        loop {
            let (customers, cursor) = self.page(&query);
            all.extend(customers);
            match cursor {
                Some(cursor) => query = format!("page_info={cursor}"),
                None => return all,
            }
        }
    }
}

/// A value of a query, with everything escaped that is not a letter or a digit.
fn form_encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A number of cases. Failing ones are printed, not saved to a file.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
