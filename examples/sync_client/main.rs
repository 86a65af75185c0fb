//! A sync client between a shop and a Yotpo store, running against a mock.
//!
//! `client.rs` is the client, which is independent of the mock; `tests.rs` has its tests. This program runs it once, with a
//! rate-limited request and a rejected shopper.
//!
//! ```sh
//! cargo run --example sync_client
//! cargo test --example sync_client
//! ```

mod client;
#[cfg(test)]
mod tests;

use client::{Error, Event, Shopper, SyncClient};
use serde_json::json;
use yotpo_mock::{Customer, Fault, Operation, YotpoMock};

fn main() -> Result<(), Error> {
    let yotpo = YotpoMock::start();
    let store = yotpo.store("shop");
    store.seed([Customer::builder().external_id("c-1").first_name("Emma").build()]);
    store.fail_next(Operation::UpsertCustomer, Fault::too_many_requests(2));

    let emma = Shopper {
        external_id: Some("c-1".into()),
        first_name: Some("Emma".into()),
        tags: Some("vip".into()),
        ..Shopper::default()
    };
    let guest = Shopper {
        email: Some("noah@example.com".into()),
        phone_number: Some("+14155552671".into()),
        ..Shopper::default()
    };
    let rejected = Shopper { external_id: Some("c-2".into()), gender: Some("female".into()), ..Shopper::default() };
    let clock = store.clone();
    let mut client = SyncClient::new(store.url(), store.id(), store.secret()).page_size(50).sleep(move |delay| {
        println!("Rate limited: advancing the mock's clock by {delay:?}.");
        clock.advance(delay);
    });

    let outcome = client.sync([emma.clone(), guest, rejected])?;
    println!("{} written, {} unchanged.", outcome.written.len(), outcome.unchanged);
    for rejection in &outcome.rejected {
        println!("Rejected: {rejection}");
    }
    client.send_event(&Event {
        kind: "item_returned",
        fact: "R-77",
        at: "2026-01-01T10:00:00Z",
        shopper: &emma,
        properties: json!({ "order": "1001" }),
    })?;

    println!("\nThe store now has:");
    for customer in store.customers() {
        let name = customer.external_id().or(customer.email()).unwrap_or("somebody");
        println!("  {name}, with tags: {}", customer.tags().unwrap_or("none"));
    }
    for event in store.events() {
        let name = event.external_id().unwrap_or("a guest");
        println!("  {}, of {name}", event.unique_id());
    }

    println!("\n{}", store.report());
    Ok(())
}
