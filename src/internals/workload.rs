//! A store of any size and the work that is done on it, without a socket in between: from the bytes of a request to the
//! bytes of its answer.

use std::hint::black_box;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::domain::json;
use crate::domain::pagination::{CursorScope, PageRequest};
use crate::domain::store::{StoreState, Write};
use crate::domain::validation::{Diagnostics, ValidationOptions, read_customer, read_event};
use crate::http::body::parameters;
use crate::http::worker::{self, Asked};
use crate::world::clock::Clock;
use crate::world::seed::Stores;
use crate::world::settings::Settings;
use crate::world::state_document::State;
use crate::world::{ResetTo, World};

const PLACE: CursorScope<'static> = CursorScope {
    store: "shop",
    epoch: 0,
};

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Writes a customer of the contract's size that is there already.
    Upsert,
    /// Finds one by e-mail.
    Lookup,
    /// Reads a page of 100 from anywhere in the store.
    Page,
    /// Writes an unclaimed customer and then merges it into a claimed one.
    Merge,
    /// Keeps an event of a customer that is there.
    Event,
}

impl Work {
    pub const ALL: [Work; 5] = [Work::Upsert, Work::Lookup, Work::Page, Work::Merge, Work::Event];
}

/// A store with customers of the contract's size, numbered from 0.
pub struct Shop {
    pub(super) state: StoreState,
    customers: u64,
    now: DateTime<Utc>,
}

impl Shop {
    pub fn with_customers(count: u64) -> Shop {
        let mut shop = Shop {
            state: StoreState::default(),
            customers: 0,
            now: DateTime::UNIX_EPOCH,
        };
        shop.grow(count);
        shop
    }

    /// Adds customers until there are so many.
    pub fn grow(&mut self, count: u64) {
        for number in self.customers..count {
            self.write(&upsert_of(number));
        }
        self.customers = count;
    }

    /// The bytes of the requests of one piece of work on the customer with a number: bodies, or a query.
    pub fn requests(&self, work: Work, number: u64) -> Vec<Vec<u8>> {
        let number = number % self.customers;
        match work {
            Work::Upsert => vec![upsert_of(number)],
            Work::Lookup => vec![format!("email=shopper.{number}%40example.com").into_bytes()],
            Work::Page => {
                // The cursor of a page in the middle, as the page before it gave it.
                let before = self.page(&PageRequest {
                    after: number,
                    limit: 1,
                    ..self.asked("")
                });
                let page: Value = serde_json::from_slice(&before).expect("a page is JSON");
                match page["pagination"]["next_page_info"].as_str() {
                    Some(cursor) => vec![format!("page_info={cursor}&limit=100").into_bytes()],
                    None => vec![b"limit=100".to_vec()],
                }
            }
            Work::Merge => {
                let phone_number = format!("+2{number:012}");
                let bodies = [
                    json!({"customer": {"phone_number": phone_number, "tags": "unclaimed"}}),
                    json!({"customer": {"external_id": number.to_string(), "phone_number": phone_number}}),
                ];
                bodies.map(|body| body.to_string().into_bytes()).into()
            }
            Work::Event => {
                let event = json!({"customer_event": {
                    "source": "returns_desk", "type": "item_returned", "unique_id": format!("r-{number}"),
                    "customer": {"external_id": number.to_string()}, "properties": {"order_id": "1001", "amount": 12.5}
                }});
                vec![event.to_string().into_bytes()]
            }
        }
    }

    /// Does one piece of work; gives the size of the last answer in bytes.
    pub fn run(&mut self, work: Work, requests: &[Vec<u8>]) -> usize {
        let mut answered = 0;
        for request in requests {
            answered = match work {
                Work::Lookup | Work::Page => {
                    let query = std::str::from_utf8(request).expect("a query is ASCII");
                    black_box(self.page(&self.asked(query))).len()
                }
                Work::Upsert | Work::Merge => self.write(request),
                Work::Event => self.write_event(request),
            };
        }
        answered
    }

    fn write(&mut self, body: &[u8]) -> usize {
        let body = json::parse(body).expect("a good body");
        let customer = read_customer(
            &body,
            ValidationOptions::default(),
            self.now,
            &mut Diagnostics::default(),
        );
        let write = Write::Customer(customer.expect("a good customer"));
        self.state.accept(write, 1, self.now, self.now);
        "{}".len()
    }

    fn write_event(&mut self, body: &[u8]) -> usize {
        let body = json::parse(body).expect("a good body");
        let (event, customer) = read_event(
            &body,
            ValidationOptions::default(),
            self.now,
            &mut Diagnostics::default(),
        )
        .expect("a good event");
        self.state.accept(Write::Event(event, customer), 1, self.now, self.now);
        "{}".len()
    }

    fn asked(&self, query: &str) -> PageRequest {
        let parameters = parameters(query).expect("a query is ASCII");
        PageRequest::read(&parameters, PLACE, &mut Diagnostics::default()).expect("a good query")
    }

    fn page(&self, asked: &PageRequest) -> Vec<u8> {
        self.state.page(asked).render(asked.clone(), PLACE).to_vec()
    }
}

/// An emulator without sockets, its stores numbered from 0, each with customers of the contract's size.
pub struct Workers {
    world: Arc<World>,
    customers: u64,
}

impl Workers {
    pub fn with_stores(stores: u64, customers: u64) -> Workers {
        let filled = |number: u64| (number.to_string(), Shop::with_customers(customers).state);
        let start = (0..stores).map(filled).collect();
        Workers {
            world: Arc::new(World::new(Settings::default(), Clock::default(), start)),
            customers,
        }
    }

    /// The requests of one client of a store: of eight, four lookups, three upserts and a page; clients begin at different places.
    pub fn requests(&self, store: u64, client: u64) -> Vec<Asked> {
        let path = format!("/core/v3/stores/{store}/customers");
        let asked = |turn: u64| {
            let number = (turn + client * self.customers / 2) % self.customers;
            match turn % 8 {
                0 => Asked::Get(format!("{path}?limit=100")),
                1 | 3 | 5 => Asked::Patch(path.clone(), upsert_of(number).into()),
                _ => Asked::Get(format!("{path}?email=shopper.{number}%40example.com")),
            }
        };
        (0..self.customers).map(asked).collect()
    }

    /// Answers so many requests on this thread: routes, admits, parses, decides, renders and journals; gives the bytes of the
    /// answers. `ready` is called right before the first.
    pub fn answer(&self, requests: &[Asked], count: usize, ready: impl FnOnce()) -> usize {
        worker::answer(self.world.clone(), requests, count, ready)
    }
}

/// The body of a write of the customer with a number.
pub(super) fn upsert_of(number: u64) -> Vec<u8> {
    let customer = json!({"customer": {
        "external_id": number.to_string(), "email": format!("shopper.{number}@example.com"), "phone_number": format!("+1{number:012}"),
        "first_name": "Emma", "last_name": "Johnson", "gender": "F", "account_created_at": "2021-03-27T04:37:34",
        "account_updated_at": "2023-08-29T16:30:07", "account_status": "enabled", "default_language": "en",
        "default_currency": "USD", "tags": "vip,summer_sale,repeat_buyer", "accepts_sms_marketing": true,
        "accepts_email_marketing": true,
        "address": {"address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": null, "state": "Texas",
            "zip": "73301", "province_code": "TX", "country_code": "US", "phone_number": "+14155552671"}
    }});
    customer.to_string().into_bytes()
}

/// A world with a store that starts with customers, or gets them after the start, and what a test does to it between two runs.
pub struct Mock {
    world: Arc<World>,
    taken: State,
}

impl Mock {
    /// The customers are in the seed, so that they outlive a reset.
    pub fn seeded(count: u64) -> Mock {
        Mock::of(Stores::from([(
            PLACE.store.to_owned(),
            Shop::with_customers(count).state,
        )]))
    }

    /// The customers are written, so that a reset has to free them all.
    pub fn written(count: u64) -> Mock {
        let mock = Mock::of(Stores::new());
        for number in 0..count {
            mock.write(number);
        }
        mock
    }

    fn of(start: Stores) -> Mock {
        let world = World::new(Settings::default(), Clock::frozen_at(DateTime::UNIX_EPOCH), start);
        let taken = world.state();
        Mock {
            world: Arc::new(world),
            taken,
        }
    }

    /// One write, from the bytes of its body.
    pub fn write(&self, number: u64) {
        let store_scope = self.world.call().store_scope(PLACE.store);
        let text = upsert_of(number);
        let body = json::parse(&text).expect("a good body");
        let customer = read_customer(
            &body,
            ValidationOptions::default(),
            store_scope.now,
            &mut Diagnostics::default(),
        );
        store_scope.accept(Write::Customer(customer.expect("a good customer")), 1);
    }

    pub fn reset(&self) {
        self.world.reset(None, ResetTo::Seed);
    }

    /// Puts back what was there at the start.
    pub fn restore(&self) {
        self.world.restore(self.taken.clone());
    }
}
