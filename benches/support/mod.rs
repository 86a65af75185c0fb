//! Shared by the benchmarks: a store of any size, the stages of a request one at a time, and an HTTP client.

// Each benchmark uses a part of it.
#![allow(dead_code)]

pub mod client;
pub mod stages;
pub mod workload;

use std::hint::black_box;

use chrono::{DateTime, Utc};
use serde_json::json;
use yotpo_mock::__internal::CursorScope;
use yotpo_mock::__internal::seed::{ReadOptions, Stores, load};
use yotpo_mock::Validation;

/// Steps through the customers in an order unrelated to theirs: a large prime.
pub const STRIDE: u64 = 7_368_787;

const SCOPE: CursorScope<'static> = CursorScope { store: "shop", epoch: 0 };

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// The body that writes the customer with a number, of the size that the contract shows.
pub fn customer_body(number: u64) -> String {
    json!({"customer": {
        "external_id": number.to_string(), "email": email(number), "phone_number": phone_number(number),
        "first_name": "Emma", "last_name": "Johnson", "gender": "F", "account_created_at": "2021-03-27T04:37:34",
        "account_updated_at": "2023-08-29T16:30:07", "account_status": "enabled", "default_language": "en",
        "default_currency": "USD", "tags": "vip,summer_sale,repeat_buyer", "accepts_sms_marketing": true,
        "accepts_email_marketing": true,
        "address": {"address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": null, "state": "Texas",
            "zip": "73301", "province_code": "TX", "country_code": "US", "phone_number": "+14155552671"}
    }})
    .to_string()
}

/// A line of a seed, with the customer of that number.
pub fn seed_line(number: u64) -> String {
    let body = customer_body(number);
    format!("{{\"store\":\"shop\",{}\n", body.strip_prefix('{').expect("an object"))
}

/// Reads a seed into an empty emulator.
pub fn read_seed(text: &str) {
    let options = |_: &str| ReadOptions { validation: Validation::Strict, now: NOW };
    let seeded = load(text, options, &mut Stores::new()).expect("the seed is valid");
    black_box(seeded);
}

/// The body of an event of the customer with a number.
pub fn event_body(number: u64) -> String {
    json!({"customer_event": {
        "source": "returns_desk", "type": "item_returned", "unique_id": format!("r-{number}"),
        "customer": {"external_id": number.to_string()}, "properties": {"order_id": "1001", "amount": 12.5}
    }})
    .to_string()
}

fn email(number: u64) -> String {
    format!("shopper.{number}@example.com")
}

fn phone_number(number: u64) -> String {
    format!("+1{number:012}")
}
