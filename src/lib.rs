//! A local emulator of Yotpo's Core API v3 Customers endpoints for tests: no account, no network, real state.
//!
//! # A test
//!
//! ```
//! use yotpo_mock::{Customer, Fault, Operation, YotpoMock};
//!
//! #[tokio::test]
//! async fn a_customer_is_sent_again_after_a_server_error() {
//!     let store = YotpoMock::shared().new_store();
//!     store.seed([Customer::builder().external_id("c-1").email("ann@example.com").build()]);
//!     store.fail_next(Operation::UpsertCustomer, Fault::status(503));
//!     save_customer(&store.api_url(), store.secret(), r#"{"external_id": "c-1", "first_name": "Ann"}"#).await; // your code
//!     store.requests().upserts().assert_count(2);
//!     assert_eq!(store.customer("c-1").unwrap().first_name(), Some("Ann"));
//! }
//!
//! /// Creates or updates a customer, and tries once more after a server error.
//! async fn save_customer(api_url: &str, secret: &str, customer: &str) {
//!     let client = reqwest::Client::new();
//!     let login = client.post(format!("{api_url}/access_tokens")).json(&serde_json::json!({"secret": secret}));
//!     let login: serde_json::Value = login.send().await.unwrap().json().await.unwrap();
//!     for _ in 0..2 {
//!         let save = client.patch(format!("{api_url}/customers")).header("X-Yotpo-Token", login["access_token"].as_str().unwrap());
//!         let save = save.header("Content-Type", "application/json").body(format!("{{\"customer\": {customer}}}"));
//!         if save.send().await.unwrap().status().is_success() {
//!             return;
//!         }
//!     }
//! }
//! ```
//!
//! [`YotpoMock::shared`] is one emulator for all tests of a binary, and [`new_store`](YotpoMock::new_store) gives each test a
//! [`Store`] that no other test sees. So tests run in parallel, and a test that panics prints the requests to its own store. The
//! emulator has threads of its own: it works with any async runtime, and without one.
//!
//! # An emulator for one test
//!
//! [`YotpoMock::start`] serves on a free port until the value is dropped; [`YotpoMock::builder`] has the settings.
//!
//! ```
//! use yotpo_mock::{Customer, YotpoMock};
//!
//! let yotpo = YotpoMock::builder().rate_limit(5).start();
//! let store = yotpo.store("shop");
//! store.seed([Customer::builder().external_id("c-1").build()]);
//!
//! let customers = format!("{}/customers", store.api_url());
//! let mut response = ureq::get(customers).header("X-Yotpo-Token", store.access_token()).call().unwrap();
//! assert!(response.body_mut().read_to_string().unwrap().contains(r#""external_id":"c-1""#));
//! ```
//!
//! # Faults
//!
//! A [`Fault`] changes the responses to some requests, or the connection that they come on:
//!
//! ```
//! use yotpo_mock::{Fault, Operation, YotpoMock};
//! # use serde_json::json;
//!
//! let store = YotpoMock::shared().new_store();
//! // The event is stored, but the client gets no response. Does it send the same event again?
//! store.fail_next(Operation::UpsertCustomerEvent, Fault::connection_reset().after_commit());
//! # let event = json!({"customer_event": {"type": "item_returned", "unique_id": "r-1", "customer": {"external_id": "c-1"}}});
//! # for _ in 0..2 {
//! #     let events = ureq::patch(format!("{}/customer_events", store.api_url()));
//! #     let _ = events.header("X-Yotpo-Token", store.access_token()).send_json(&event);
//! # }
//! // Run your integration, then:
//! store.requests().events().assert_count(2);
//! assert_eq!(store.events().len(), 1);
//! ```
//!
//! # Time
//!
//! Each store has a clock. Advancing it expires tokens and makes delayed writes visible, without a wait:
//!
//! ```
//! use std::time::Duration;
//! use yotpo_mock::{Setting, YotpoMock};
//!
//! let store = YotpoMock::shared().new_store();
//! store.set(Setting::VisibilityDelay(Duration::from_secs(60)));
//! // Run your integration, then:
//! store.settle(); // makes its writes visible now
//! store.advance(Duration::from_secs(15 * 24 * 3600)); // its tokens have expired
//! ```
//!
//! # Assertions
//!
//! [`Store::requests`] are the requests that a store received, with filters and assertions that show the nearest requests when they
//! fail. [`Store::customers`], [`Store::events`] and [`Store::lineage`] are what became of them, and [`Store::report`] counts them.
//!
//! # Evidence
//!
//! The emulated [`Operation`]s create access tokens, retrieve customers, and create or update customers and custom events. Yotpo does
//! not publish all of their behaviour. Each [rule] for which a request is rejected therefore carries its [`evidence`], and each
//! response that relies on an assumption carries a [note](note::Note).
//!
//! # Cargo features
//!
//! | feature | adds | needs |
//! |---|---|---|
//! | none, with `default-features = false` | everything above; enough for most tests | no C compiler beyond the linker |
//! | `tls` | HTTPS on the same port: [`https_url`](YotpoMock::https_url), [`ca_pem`](YotpoMock::ca_pem), and with [`proxy_url`](YotpoMock::proxy_url) clients with a hard-coded `https://api.yotpo.com` | a C compiler, for the crate `ring` |
//! | `cli`, the default | the command `yotpo-mock`; includes `tls` | a C compiler |

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

/// The Rust examples of the guides, one of which uses TLS.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../docs/guides/rust.md")]
#[doc = include_str!("../docs/guides/faults.md")]
#[doc = include_str!("../docs/guides/time.md")]
#[doc = include_str!("../docs/guides/state.md")]
#[doc = include_str!("../docs/guides/assertions.md")]
struct Guides;
