//! The stages of a request, one at a time.

use std::hint::black_box;

use serde_json::{Value, json};
use yotpo_mock::__internal::json::{Json, parse};
use yotpo_mock::__internal::{
    Cursor, Customer, Diagnostics, Email, ExternalId, Filter, Identifiers, Include, MAX_LIMIT, PageRequest,
    PhoneNumber, Profile, ValidationOptions, fill, read_customer, read_event,
};

use super::workload::BenchStore;
use super::{NOW, SCOPE, customer_body, email, event_body, phone_number};

#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// Finds a profile by external id, then by email, then by phone number.
    Find,
    /// Fills a write with the fields of the stored customer.
    Merge,
    /// Renders a profile, as each write does once.
    Render,
    /// Finds and renders the 100 customers of a page.
    Page,
    /// Parses and validates the body of a customer.
    CustomerBody,
    /// Parses and validates the body of an event.
    EventBody,
    EncodeCursor,
    DecodeCursor,
}

impl Stage {
    pub const ALL: [Stage; 8] = [
        Stage::Find,
        Stage::Merge,
        Stage::Render,
        Stage::Page,
        Stage::CustomerBody,
        Stage::EventBody,
        Stage::EncodeCursor,
        Stage::DecodeCursor,
    ];
}

/// All stages, over a store.
pub struct StageBench {
    store: BenchStore,
    customers: u64,
}

impl StageBench {
    pub fn with_customers(customers: u64) -> StageBench {
        StageBench { store: BenchStore::with_customers(customers), customers }
    }

    /// Prepares one run of a stage on the customer with a number. Calling the result runs it.
    pub fn prepare(&self, stage: Stage, number: u64) -> Box<dyn FnOnce() + '_> {
        let number = number % self.customers;
        match stage {
            Stage::Find => {
                let identifiers = identifiers(number);
                let find = |identifiers: &Identifiers| {
                    black_box(self.store.state().find(identifiers).expect("the customer is stored"));
                };
                Box::new(move || identifiers.iter().for_each(find))
            }
            Stage::Merge => {
                let (write, stored) = (customer(&partial_body(number)), customer(&whole_body(number)));
                Box::new(move || drop(black_box(fill(write, stored))))
            }
            Stage::Render => {
                let customer = customer(&whole_body(number));
                Box::new(move || drop(black_box(Profile::new(number, number, customer, Default::default()))))
            }
            Stage::Page => {
                let request = page_request(number);
                let render = move || self.store.state().page(&request).render(request, SCOPE);
                Box::new(move || drop(black_box(render())))
            }
            Stage::CustomerBody => {
                let body = whole_body(number).to_string();
                Box::new(move || {
                    let body = parse(body.as_bytes()).expect("the body is JSON");
                    drop(black_box(read(&body)));
                })
            }
            Stage::EventBody => {
                let body = event_body(number);
                Box::new(move || {
                    let body = parse(body.as_bytes()).expect("the body is JSON");
                    let event = read_event(&body, ValidationOptions::default(), NOW, &mut Diagnostics::default());
                    drop(black_box(event.expect("the event is valid")));
                })
            }
            Stage::EncodeCursor => {
                let request = page_request(number);
                Box::new(move || drop(black_box(Cursor::encode(request, SCOPE))))
            }
            Stage::DecodeCursor => {
                let cursor = Cursor::encode(page_request(number), SCOPE).replace("%3D", "=");
                let decode = move || Cursor::decode(&cursor, SCOPE).expect("the cursor is valid");
                Box::new(move || drop(black_box(decode())))
            }
        }
    }
}

/// The request for a full page that is not the last.
fn page_request(number: u64) -> PageRequest {
    PageRequest { filter: Filter::default(), include: Include::default(), limit: MAX_LIMIT, after: number * 9 / 10 }
}

/// The identifiers of the customer with a number, each by itself.
fn identifiers(number: u64) -> [Identifiers; 3] {
    let external_id =
        Identifiers { external_id: Some(ExternalId::for_lookup(&number.to_string())), ..Identifiers::default() };
    let email = Identifiers { email: Some(Email::for_lookup(&email(number))), ..Identifiers::default() };
    let phone_number =
        Identifiers { phone_number: Some(PhoneNumber::for_lookup(&phone_number(number))), ..Identifiers::default() };
    [external_id, email, phone_number]
}

/// A body with every writable field.
fn whole_body(number: u64) -> Value {
    let mut body: Value = serde_json::from_str(&customer_body(number)).expect("the body is JSON");
    body["customer"]["custom_properties"] = json!({"club": "gold", "shoe_size": 38.5});
    body
}

fn partial_body(number: u64) -> Value {
    json!({"customer": {"external_id": number.to_string(), "first_name": "Anna", "tags": "vip,moved_house",
        "address": {"address1": "3 Mill Lane", "city": "Boston"}, "custom_properties": {"club": "silver"}}})
}

fn customer(body: &Value) -> Customer {
    read(&Json::from(body))
}

fn read(body: &Json<'_>) -> Customer {
    read_customer(body, ValidationOptions::default(), NOW, &mut Diagnostics::default()).expect("the customer is valid")
}
