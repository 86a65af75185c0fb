//! Requests to a store without HTTP: from the bytes of a body or query to the bytes of the response's body.

use std::hint::black_box;

use serde_json::{Value, json};
use yotpo_mock::__internal::json::parse;
use yotpo_mock::__internal::{
    Diagnostics, PageRequest, StoreState, ValidationOptions, Write, parse_query, read_customer, read_event,
};

use super::{NOW, SCOPE, customer_body, email, event_body};

#[derive(Clone, Copy, Debug)]
pub enum Workload {
    /// Updates a customer.
    Upsert,
    /// Finds a customer by email.
    Lookup,
    /// Reads a page of 100 from anywhere in the store.
    Page,
    /// Creates an unclaimed customer and merges it into a claimed one.
    Merge,
    /// Stores an event of a customer.
    Event,
}

impl Workload {
    pub const ALL: [Workload; 5] =
        [Workload::Upsert, Workload::Lookup, Workload::Page, Workload::Merge, Workload::Event];
}

/// A store whose customers are numbered from 0.
pub struct BenchStore {
    state: StoreState,
    customers: u64,
}

impl BenchStore {
    pub fn with_customers(count: u64) -> BenchStore {
        let mut store = BenchStore { state: StoreState::default(), customers: 0 };
        store.grow_to(count);
        store
    }

    /// Adds customers up to `count`.
    pub fn grow_to(&mut self, count: u64) {
        for number in self.customers..count {
            self.write(customer_body(number).as_bytes());
        }
        self.customers = count;
    }

    pub fn state(&self) -> &StoreState {
        &self.state
    }

    /// The bodies or queries of one run of a workload on the customer with a number.
    pub fn requests(&self, workload: Workload, number: u64) -> Vec<String> {
        let number = number % self.customers;
        match workload {
            Workload::Upsert => vec![customer_body(number)],
            Workload::Lookup => vec![format!("email={}", email(number).replace('@', "%40"))],
            Workload::Page => {
                let preceding = self.page(&PageRequest { after: number, limit: 1, ..page_request("") });
                let page: Value = serde_json::from_slice(&preceding).expect("a page is JSON");
                match page["pagination"]["next_page_info"].as_str() {
                    Some(cursor) => vec![format!("page_info={cursor}&limit=100")],
                    None => vec!["limit=100".to_owned()],
                }
            }
            Workload::Merge => {
                let phone_number = format!("+2{number:012}");
                let bodies = [
                    json!({"customer": {"phone_number": phone_number, "tags": "unclaimed"}}),
                    json!({"customer": {"external_id": number.to_string(), "phone_number": phone_number}}),
                ];
                bodies.map(|body| body.to_string()).into()
            }
            Workload::Event => vec![event_body(number)],
        }
    }

    pub fn run(&mut self, workload: Workload, requests: &[String]) {
        for request in requests {
            match workload {
                Workload::Lookup | Workload::Page => drop(black_box(self.page(&page_request(request)))),
                Workload::Upsert | Workload::Merge => self.write(request.as_bytes()),
                Workload::Event => self.write_event(request.as_bytes()),
            }
        }
    }

    fn write(&mut self, body: &[u8]) {
        let body = parse(body).expect("the body is JSON");
        let customer = read_customer(&body, ValidationOptions::default(), NOW, &mut Diagnostics::default())
            .expect("the customer is valid");
        self.state.accept(Write::Customer(customer), 1, NOW, NOW);
    }

    fn write_event(&mut self, body: &[u8]) {
        let body = parse(body).expect("the body is JSON");
        let (event, customer) = read_event(&body, ValidationOptions::default(), NOW, &mut Diagnostics::default())
            .expect("the event is valid");
        self.state.accept(Write::Event(event, customer), 1, NOW, NOW);
    }

    fn page(&self, request: &PageRequest) -> Vec<u8> {
        self.state.page(request).render(request.clone(), SCOPE)
    }
}

fn page_request(query: &str) -> PageRequest {
    let parameters = parse_query(query).expect("the query is ASCII");
    PageRequest::read(&parameters, SCOPE, &mut Diagnostics::default()).expect("the query is valid")
}
