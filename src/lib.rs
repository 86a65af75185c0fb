//! A local, in-memory emulator of Yotpo's Core API v3 Customers endpoints for tests: no account, no network, real state.
//!
//! A [`YotpoMock`] serves the API on a free port until it is dropped. It holds any number of [`Store`]s, one for each test. You
//! [seed](Store::seed) a store with [`Customer`]s and [`Event`]s, run your integration against it, and then check the store's
//! content and the [`Requests`] that it received. A [`Fault`] makes the API fail, and a [`Report`] counts what a run relied on.
//!
//! # A first test
//!
//! ```
//! use std::time::Duration;
//!
//! use serde_json::{Value, json};
//! use yotpo_mock::{Customer, Fault, Operation, YotpoMock};
//!
//! let yotpo = YotpoMock::start(); // on a free port, until it is dropped; works inside any async runtime
//! let store = yotpo.store("shop");
//! store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
//! run_my_sync(yotpo.url(), store.id(), store.secret());
//! store.requests().upserts().with_email("ann@example.com").assert_count(1);
//! assert_eq!(store.customer("c-1").unwrap().first_name(), Some("Ann"));
//!
//! store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2)); // with `Retry-After: 2`
//! run_my_sync(yotpo.url(), store.id(), store.secret());
//! store.requests().upserts().with_status(429).assert_count(1);
//!
//! store.advance(Duration::from_secs(15 * 24 * 3600)); // the tokens of this store have expired
//!
//! /// Stands for your integration: gets a token and writes Ann's name.
//! fn run_my_sync(url: &str, store: &str, secret: &str) {
//!     let api = format!("{url}/core/v3/stores/{store}");
//!     let agent: ureq::Agent = ureq::config::Config::builder().http_status_as_error(false).build().into();
//!     let mut response = agent.post(format!("{api}/access_tokens")).send_json(json!({"secret": secret})).unwrap();
//!     let token = response.body_mut().read_json::<Value>().unwrap()["access_token"].as_str().unwrap().to_owned();
//!     let ann = json!({"customer": {"external_id": "c-1", "email": "ann@example.com", "first_name": "Ann"}});
//!     let upsert = || agent.patch(format!("{api}/customers")).header("X-Yotpo-Token", &token).send_json(&ann).unwrap();
//!     while upsert().status() == 429 {
//!         // A real client waits for the time in `Retry-After`.
//!     }
//! }
//! ```
//!
//! # Many tests, one emulator
//!
//! The tests of a binary can share an emulator and run in parallel, each with its own store:
//!
//! ```
//! use yotpo_mock::{Customer, YotpoMock};
//!
//! # fn run_my_sync(_: &str, _: &str, _: &str) {}
//! // #[test]
//! fn an_unchanged_customer_is_not_written() {
//!     let store = YotpoMock::shared().new_store();
//!     store.seed([Customer::builder().external_id("c-1").first_name("Ann").build()]);
//!     run_my_sync(store.url(), store.id(), store.secret());
//!     store.requests().upserts().assert_none();
//! }
//! # an_unchanged_customer_is_not_written();
//! ```
//!
//! # Faults and time
//!
//! ```
//! use yotpo_mock::{Event, Fault, Operation, YotpoMock};
//! # use serde_json::json;
//!
//! // 5 requests a second, and writes that become visible after a minute:
//! let yotpo = YotpoMock::builder().realistic().start();
//! let store = yotpo.store("shop");
//! // The emulator stores the event, but the client gets no response. Does it send the same event again?
//! store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());
//! # let event = json!({"customer_event": {"type": "item_returned", "unique_id": "r-1", "customer": {"external_id": "c-1"}}});
//! # for _ in 0..2 {
//! #     let events = ureq::patch(format!("{}/customer_events", store.api_url()));
//! #     let _ = events.header("X-Yotpo-Token", store.access_token()).send_json(&event);
//! # }
//! // Run your integration, then:
//! store.settle(); // makes the writes visible without the wait
//! store.requests().events().assert_count(2);
//! assert_eq!(store.events().len(), 1);
//! ```
//!
//! # What is emulated
//!
//! The [`Operation`]s: access tokens, retrieving customers, and creating or updating customers and custom events. The other Yotpo
//! resources, such as orders and products, respond with 501.
//!
//! Yotpo does not document how it identifies and merges shoppers, nor the messages for invalid fields. Each [rule] for which
//! a request is rejected therefore carries its [`evidence`], and each response that relies on an assumption carries a
//! [note](note::Note).
//!
//! # Cargo features
//!
//! The default feature `cli` is for the binary and includes `tls`; turn it off with `default-features = false`. `tls` adds HTTPS on
//! the same port. A client with a hard-coded `https://api.yotpo.com` needs it, with [`proxy_url`](YotpoMock::proxy_url) as its proxy
//! and [`ca_pem`](YotpoMock::ca_pem) as a trusted certificate.

#![cfg_attr(feature = "internals", allow(missing_docs))]

mod domain;
mod http;
mod mock;
mod os;
mod world;

/// The crate of the times in this interface.
pub use chrono;
pub use domain::evidence;
pub use domain::note;
pub use domain::operation::Operation;
pub use domain::rejection::BrokenRule;
pub use domain::rule;
pub use domain::validation::Validation;
pub use mock::{
    AddedFault, Builder, Customer, CustomerBuilder, DEFAULT_JOURNAL_ON_PANIC, DEFAULT_PORT, DEFAULT_READ_TIMEOUT,
    DocumentError, Event, EventBuilder, Explanation, Fault, Host, InvalidProblemKind, LineageStep, MergedProfile,
    ParseHostError, PendingWrite, ProblemKind, Report, Requests, SeedSummary, Setting, Settings, Snapshot, StartError,
    StepKind, Store, Unmatched, YotpoMock,
};
pub use world::journal;
pub use world::settings::{DEFAULT_BODY_LIMIT, EmptyResult};
pub use world::state_file::SaveError;

/// For fuzz targets and benchmarks only; not part of the public interface.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod __internal {
    pub use crate::domain::customer::{Customer, CustomerNumber, Include};
    pub use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
    pub use crate::domain::merge::fill;
    pub use crate::domain::page::Page;
    pub use crate::domain::pagination::{Cursor, CursorScope, Filter, MAX_LIMIT, PageRequest};
    pub use crate::domain::profile::Profile;
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
