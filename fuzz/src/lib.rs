//! The fuzz targets. Each reads arbitrary bytes as one kind of input and panics if a property of reading, writing, merging
//! or paging does not hold. `fuzz_targets` runs them under libFuzzer, `tests` on the committed corpora and under proptest.

mod body;
pub mod cursor;
mod query;
mod seed;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use yotpo_mock::__internal::json::parse_value;
use yotpo_mock::__internal::seed::{ReadOptions, Stores, load};
use yotpo_mock::__internal::{CursorScope, Filter, Include, Page, PageRequest, StoreState};
use yotpo_mock::{BrokenRule, Validation, rule};

pub use body::{customer_body, event_body};
pub use cursor::cursor;
pub use query::query;
pub use seed::seed;

/// The scope of every cursor here.
pub const SCOPE: CursorScope<'static> = CursorScope { store: "shop", epoch: 0 };

/// A small store: some customers share an email or a phone number, some are unclaimed, one has every field of a page.
static STORE: LazyLock<StoreState> = LazyLock::new(|| {
    let seed = json!({"stores": [{
        "id": SCOPE.store,
        "customers": [
            {"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671", "first_name": "Ann",
                "tags": "vip", "address": {"city": "Austin", "country_code": "US"}, "accepts_sms_marketing": true,
                "custom_properties": {"club": "gold", "shoe_size": 38.5}, "lists": [{"id": "1", "since": "2023-05-22"}],
                "channels": {"email": {"marketing": {"consent": "subscribed", "timestamp": "2023-04-23"}}},
                "loyalty": {"points_balance": 7}, "yotpo_ugc": {"total_reviews": 3, "top_topics": ["fit"]}},
            {"external_id": "c-2", "email": "Ann@Example.com", "phone_number": "+14155552672"},
            {"external_id": "c-3", "email": "ann@example.com", "phone_number": "+14155552671"},
            {"email": "bob@example.com", "first_name": "Bob", "account_created_at": "2021-03-27T04:37:34Z"},
            {"phone_number": "+14155552672", "last_name": "Ángström"},
            {"phone_number": "+14155552673", "default_currency": "USD"},
            {"external_id": "c,4", "gender": "Other"},
            {"external_id": "7"},
        ],
        "events": [
            {"unique_id": "e-1", "type": "order_shipped", "timestamp": "2025-01-01", "customer": {"email": "bob@example.com"}},
            {"unique_id": "e-2", "type": "signed_up", "timestamp": "2025-01-02", "customer": {"external_id": "c-1"}},
        ],
    }]});
    let mut stores = Stores::new();
    load(&seed.to_string(), read_options(Validation::Strict), &mut stores).expect("the seed is valid");
    stores.remove(SCOPE.store).expect("the seed declares the store")
});

/// The first moment of 2026.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_secs(1_767_225_600).expect("the number is in range")
}

fn read_options(validation: Validation) -> impl Fn(&str) -> ReadOptions {
    move |_| ReadOptions { validation, now: now() }
}

/// A request for every customer with every optional part.
fn whole_store() -> PageRequest {
    PageRequest { filter: Filter::default(), include: Include::EVERYTHING, limit: usize::MAX - 1, after: 0 }
}

/// The customers of a store as JSON, and its events with the identifiers of their customers.
fn contents(state: &StoreState) -> (Vec<Value>, Vec<String>) {
    let events =
        state.events(0).map(|(number, event, customer)| format!("{number} {event:?} {:?}", customer.identifiers()));
    (customers(state.page(&whole_store())), events.collect())
}

fn customers(page: Page) -> Vec<Value> {
    let page = to_json(page, &whole_store());
    page["customers"].as_array().expect("a page has customers").clone()
}

/// The page as a client receives it. It is parsed by our own parser, because serde_json's `Value` gives some keys a meaning.
fn to_json(page: Page, request: &PageRequest) -> Value {
    parse_value(&page.render(request.clone(), SCOPE)).expect("a page is JSON")
}

/// A text by which two requests can be compared; it distinguishes addresses that differ in case only.
fn to_text(request: &PageRequest) -> String {
    format!("{request:?}")
}

/// A rejection names at least one rule, and only rules of the rule book.
fn assert_names_rules(broken_rules: &[BrokenRule]) {
    assert!(!broken_rules.is_empty());
    let is_in_book = |broken: &BrokenRule| rule::ALL.contains(broken.rule);
    assert!(broken_rules.iter().all(is_in_book), "{broken_rules:?}");
}
