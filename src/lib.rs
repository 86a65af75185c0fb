//! A local, in-memory, stateful emulator of Yotpo's Core API v3 Customers endpoints, as a value in a test.
//!
//! Start with [`YotpoMock`]: it serves the vendor's API on a free port until it is dropped. A [`Store`] is a world of its own in
//! it, one for each test. What a store holds is a [`Customer`] or an [`Event`]; what an integration asked for is counted by
//! [`Requests`]; what goes wrong on purpose is a [`Fault`]; and at the end a [`Report`] tells what a run leaned on.
//!
//! # A test
//!
//! ```
//! use std::time::Duration;
//!
//! use serde_json::{Value, json};
//! use yotpo_mock::{Customer, Fault, Operation, YotpoMock};
//!
//! let yotpo = YotpoMock::start(); // threads and a free port of its own, stopped on drop; also inside any async runtime
//! let store = yotpo.store("shop"); // a world per test
//! store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
//! run_my_sync(yotpo.url(), store.id(), store.secret());
//! store.requests().upserts().with_email("ann@example.com").assert_count(1);
//! assert_eq!(store.customer("c-1").unwrap().first_name(), Some("Ann"));
//!
//! store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2)); // with `Retry-After: 2`
//! run_my_sync(yotpo.url(), store.id(), store.secret());
//! store.requests().upserts().with_status(429).assert_count(1);
//!
//! store.advance(Duration::from_secs(15 * 24 * 3600)); // this store's tokens are dead now, nobody else's
//!
//! /// Your integration; this one gets a token and tells the store Ann's name.
//! fn run_my_sync(url: &str, store: &str, secret: &str) {
//!     let shop = format!("{url}/core/v3/stores/{store}");
//!     let agent: ureq::Agent = ureq::config::Config::builder().http_status_as_error(false).build().into();
//!     let mut issued = agent.post(format!("{shop}/access_tokens")).send_json(json!({"secret": secret})).unwrap();
//!     let token = issued.body_mut().read_json::<Value>().unwrap()["access_token"].as_str().unwrap().to_owned();
//!     let ann = json!({"customer": {"external_id": "c-1", "email": "ann@example.com", "first_name": "Ann"}});
//!     let upsert = || agent.patch(format!("{shop}/customers")).header("X-Yotpo-Token", &token).send_json(&ann).unwrap();
//!     while upsert().status() == 429 {
//!         // Here it would wait for as long as the header `Retry-After` says.
//!     }
//! }
//! ```
//!
//! # Many tests, one emulator
//!
//! A store costs next to nothing, so that a binary's tests can share an emulator and run at once:
//!
//! ```
//! use yotpo_mock::{Customer, YotpoMock};
//!
//! # fn run_my_sync(_: &str, _: &str, _: &str) {}
//! // #[test]
//! fn nothing_is_written_where_nothing_changed() {
//!     let store = YotpoMock::shared().new_store();
//!     store.seed([Customer::builder().external_id("c-1").first_name("Ann").build()]);
//!     run_my_sync(store.url(), store.id(), store.secret());
//!     store.requests().upserts().assert_none();
//! }
//! # nothing_is_written_where_nothing_changed();
//! ```
//!
//! # A vendor who misbehaves
//!
//! ```
//! use yotpo_mock::{Event, Fault, Operation, YotpoMock};
//! # use serde_json::json;
//!
//! let yotpo = YotpoMock::builder().realistic().start(); // 5 requests a second, writes that take a minute to show
//! let store = yotpo.store("shop");
//! // The event is taken, and the client never hears of it: does it send the same again?
//! store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());
//! # let event = json!({"customer_event": {"type": "item_returned", "unique_id": "r-1", "customer": {"external_id": "c-1"}}});
//! # for _ in 0..2 {
//! #     let events = ureq::patch(format!("{}/customer_events", store.api_url()));
//! #     let _ = events.header("X-Yotpo-Token", store.access_token()).send_json(&event);
//! # }
//! // …your integration runs, and then:
//! store.settle(); // the minute is over
//! store.requests().events().assert_count(2);
//! assert_eq!(store.events().len(), 1);
//! ```
//!
//! # What is emulated
//!
//! Access tokens, the retrieval of customers, and the creation and update of customers and of custom events; see [`Operation`].
//! Orders, products, lists and the rest of the API answer 501 and say so. How the vendor identifies and merges shoppers, and what
//! it says of a broken field, is nowhere written down: every rule carries its [evidence], what may be refused stands in
//! the [rule book](rule), and what is tolerated in the [notes](note::Note).
//!
//! # The features
//!
//! `cli` and `tls`, both on by default, are for the binary: switch them off where you embed the library. `tls` makes the same port
//! speak HTTPS, for a client that will have it so; such a client that has `https://api.yotpo.com` written into it is led here
//! by its environment: [`proxy_url`](YotpoMock::proxy_url) is its proxy, and [`ca_pem`](YotpoMock::ca_pem) what it must trust.
//!
//! # The house
//!
//! Three floors and a door, each of which may use those below it and never those above:
//!
//! - `main` is the command line: flags to settings, start, print the address, wait for a signal.
//! - `mock` is one running emulator as a value: a world, its sockets and the server between them.
//! - `http` is the upper floor: the vendor's surface and our own, as HTTP speaks of them. The only actix in the library.
//! - `world` is the middle floor: everything that one emulator remembers, and the powers of a test over it.
//! - `domain` is the ground floor: what the vendor's system knows and decides, as plain data and pure functions.
//!
//! `platform` is what differs from one system to the next; every floor may ask it.
//!
//! To follow a request, read `http` from its top. An ordinary one is read where it arrives, by `express`, any other by actix;
//! after that they go the same way: `recording` opens a journal entry, the path matches, `admission` asks who is calling and how
//! often, the handler reads the body leniently, the domain decides, and the entry closes.
//!
//! # What never happens
//!
//! - The domain never asks the time, knows no HTTP status, takes no lock.
//! - Nothing reaches a store's maps but `StoreState`: a profile and its index entries change in one function.
//! - No lock is held while waiting, and a store has but one: a write with its merge is one step, a page is one look.
//! - Nothing is answered that is not in the journal, once the head of the request could be parsed; our own surface excepted.
//! - A reset forgets by replacing the memory, never by clearing a list of things.
//! - Nothing grows without bound but what clients store.
//! - No vendor resource is silently missing: it says 501 in words, and an unknown path is 404.

#![warn(missing_docs)]
#![cfg_attr(feature = "internals", allow(missing_docs))]

mod domain;
mod http;
mod mock;
mod os;
mod world;

/// The crate whose times stand in the interface.
pub use chrono;
pub use domain::evidence;
pub use domain::note;
pub use domain::operation::Operation;
pub use domain::rule;
pub use domain::validation::Validation;
pub use mock::{
    AddedFault, BrokenRule, Builder, Customer, CustomerBuilder, DEFAULT_JOURNAL_ON_PANIC, DEFAULT_PORT,
    DEFAULT_READ_TIMEOUT, Event, EventBuilder, Explanation, Fault, Host, MergedProfile, ParseHostError, PendingWrite,
    Report, Requests, SeedSummary, Setting, Settings, Snapshot, StartError, Step, StepKind, Store, Unmatched,
    YotpoMock,
};
pub use world::journal;
#[doc(hidden)]
pub use world::memory::on_forgetting;
pub use world::settings::{DEFAULT_BODY_LIMIT, EmptyResult};

/// What the fuzz targets and the benchmarks use: no part of the public interface.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod __internal {
    pub use crate::domain::customer::{Customer, CustomerNumber, Include};
    pub use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
    pub use crate::domain::merge::fill;
    pub use crate::domain::page::Page;
    pub use crate::domain::pagination::{Cursor, CursorScope, Filter, MAX_LIMIT, PageRequest};
    pub use crate::domain::profile::Profile;
    pub use crate::domain::rejection::Rejection;
    pub use crate::domain::store::{StoreState, Write};
    pub use crate::domain::validation::{Diagnostics, ValidationOptions, read_customer, read_event};
    pub use crate::http::request::parse_query;

    pub mod json {
        pub use crate::domain::json::{Json, parse, parse_value};
    }

    pub mod seed {
        pub use crate::world::seed::{ReadOptions, Stores, load};
    }
}

/// The README's Rust blocks, run as examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
