//! The rooms on the way of a request, one at a time: what each costs by itself, where [`workload`](super::workload) tells what
//! they cost together.

use std::hint::black_box;
use std::time::Duration;

use serde_json::{Value, json};

use super::workload::{Shop, Work, upsert_of};
use super::{HERE, now};
use crate::domain::customer::{Customer, Include};
use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use crate::domain::json::{self, Json};
use crate::domain::merge::fill;
use crate::domain::operation::Operation;
use crate::domain::pagination::{Cursor, Filter, MAX_LIMIT, PageRequest};
use crate::domain::profile::Profile;
use crate::domain::validation::{Diagnostics, ValidationOptions, read_customer, read_event};
use crate::world::journal::{BodyDraft, DEFAULT_ENTRIES, EntryDraft, Journal};

/// A room, and what is done in it.
#[derive(Clone, Copy, Debug)]
pub enum Room {
    /// Finds the profile that an external id means, then an email, then a phone number.
    Resolve,
    /// Fills a write with what the profile has that it means.
    Merge,
    /// Renders a profile, as each write does once.
    Render,
    /// Finds the 100 customers of a page from anywhere in the store, and joins them.
    Page,
    /// Reads and checks the body of a customer, from its bytes.
    CustomerBody,
    /// Does the same with the body of an event.
    EventBody,
    /// Writes the cursor of a page.
    CursorGiven,
    /// Reads it back.
    CursorRead,
    /// Opens an entry of a journal that is full, and closes it over a write and its answer.
    Journal,
}

impl Room {
    pub const ALL: [Room; 9] = [
        Room::Resolve,
        Room::Merge,
        Room::Render,
        Room::Page,
        Room::CustomerBody,
        Room::EventBody,
        Room::CursorGiven,
        Room::CursorRead,
        Room::Journal,
    ];
}

/// All rooms, with a shop to look at and a journal that is full.
pub struct House {
    shop: Shop,
    customers: u64,
    journal: Journal,
}

impl House {
    pub fn with_customers(customers: u64) -> House {
        let house = House {
            shop: Shop::with_customers(customers),
            customers,
            journal: Journal::default(),
        };
        (0..)
            .take(DEFAULT_ENTRIES)
            .for_each(|number| house.work(Room::Journal, number)());
        house
    }

    /// Makes one piece of a room's work ready, on the customer with a number. It is done when it is called.
    pub fn work(&self, room: Room, number: u64) -> Box<dyn FnOnce() + '_> {
        let number = number % self.customers;
        match room {
            Room::Resolve => {
                let names = names(number);
                let find = |names: &Identifiers| {
                    black_box(self.shop.state.find(names).expect("the shop has this customer"));
                };
                Box::new(move || names.iter().for_each(find))
            }
            Room::Merge => {
                let (write, kept) = (checked(&partial_write(number)), checked(&whole_write(number)));
                Box::new(move || drop(black_box(fill(write, kept))))
            }
            Room::Render => {
                let customer = checked(&whole_write(number));
                Box::new(move || drop(black_box(Profile::new(number, number, customer, None))))
            }
            Room::Page => {
                let asked = self.asked(number);
                Box::new(move || drop(black_box(self.shop.state.page(&asked).render(asked, HERE).to_vec())))
            }
            Room::CustomerBody => {
                let body = whole_write(number).to_string();
                let read = move || {
                    read_customer(
                        &parsed(&body),
                        ValidationOptions::default(),
                        now(),
                        &mut Diagnostics::default(),
                    )
                };
                Box::new(move || drop(black_box(read().expect("a good customer"))))
            }
            Room::EventBody => {
                let body = self.shop.requests(Work::Event, number).concat();
                let body = String::from_utf8(body).expect("JSON is UTF-8");
                let read = move || {
                    read_event(
                        &parsed(&body),
                        ValidationOptions::default(),
                        now(),
                        &mut Diagnostics::default(),
                    )
                };
                Box::new(move || drop(black_box(read().expect("a good event"))))
            }
            Room::CursorGiven => {
                let asked = self.asked(number);
                Box::new(move || drop(black_box(Cursor::encode(asked, HERE))))
            }
            Room::CursorRead => {
                let cursor = Cursor::encode(self.asked(number), HERE);
                Box::new(move || drop(black_box(Cursor::decode(&cursor, HERE).expect("a cursor leads on"))))
            }
            Room::Journal => {
                let body = whole_write(number).to_string();
                Box::new(move || journalled(&self.journal, body.as_bytes()))
            }
        }
    }

    /// The request for a full page that is not the last.
    fn asked(&self, number: u64) -> PageRequest {
        PageRequest {
            filter: Filter::default(),
            include: Include::default(),
            limit: MAX_LIMIT,
            after: number * 9 / 10,
        }
    }
}

/// The names of the customer with a number, each by itself.
fn names(number: u64) -> [Identifiers; 3] {
    let by_external_id = Identifiers {
        external_id: Some(ExternalId::for_lookup(&number.to_string())),
        ..Identifiers::default()
    };
    let by_email = Identifiers {
        email: Some(Email::for_lookup(&format!("shopper.{number}@example.com"))),
        ..Identifiers::default()
    };
    let by_phone_number = Identifiers {
        phone_number: Some(PhoneNumber::for_lookup(&format!("+1{number:012}"))),
        ..Identifiers::default()
    };
    [by_external_id, by_email, by_phone_number]
}

/// The body of a write of everything that a write may say.
fn whole_write(number: u64) -> Value {
    let mut body: Value = serde_json::from_slice(&upsert_of(number)).expect("it was written as JSON");
    body["customer"]["custom_properties"] = json!({"club": "gold", "shoe_size": 38.5});
    body
}

/// The body of a write of a few fields.
fn partial_write(number: u64) -> Value {
    json!({"customer": {"external_id": number.to_string(), "first_name": "Anna", "tags": "vip,moved_house",
        "address": {"address1": "3 Mill Lane", "city": "Boston"}, "custom_properties": {"club": "silver"}}})
}

fn checked(body: &Value) -> Customer {
    read_customer(
        &Json::from(body),
        ValidationOptions::default(),
        now(),
        &mut Diagnostics::default(),
    )
    .expect("a good customer")
}

fn parsed(body: &str) -> Json<'_> {
    json::parse(body.as_bytes()).expect("a good body")
}

/// What is done in the journal with a write that is accepted.
fn journalled(journal: &Journal, body: &[u8]) {
    const CAME: &[u8] = b"host: localhost:4600\r\nuser-agent: sync/1.0\r\naccept: application/json\r\n\
        content-type: application/json\r\ncontent-length: 812\r\nx-yotpo-token: ymt_shop_1\r\n";
    const WENT: &[u8] = b"content-type: application/json\r\nx-yotpo-mock-request: 1234\r\nratelimit-limit: 5\r\n\
        ratelimit-remaining: 5\r\nratelimit-reset: 0\r\n";
    let opened = journal.open().expect("nobody ends this journal");
    let draft = EntryDraft {
        number: opened.number,
        at: now(),
        operation: Some(Operation::UpsertCustomer),
        store: Some(HERE.store),
        method: "PATCH",
        path: "/core/v3/stores/shop/customers",
        query: "",
        status: 200,
        fault: None,
        rules: Vec::new(),
        notes: Vec::new(),
        duration: Duration::ZERO,
        request_headers: CAME,
        request_body: Some(BodyDraft::whole(body)),
        response_headers: WENT,
        response_body: Some(BodyDraft::whole(b"{}")),
    };
    drop(opened.close(draft));
}
