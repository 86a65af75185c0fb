//! Writes that take their time to show: contract, section 4.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Emulator, customers};

fn delayed() -> Emulator {
    Emulator::with(|builder| builder.visibility_delay(Duration::from_secs(60)))
}

#[test]
fn an_accepted_write_is_visible_after_its_delay() {
    let emulator = delayed();
    assert_eq!(emulator.upsert(json!({"external_id": "c-1"})).status(), 200);
    assert_eq!(emulator.all_customers(), "");
    emulator.mock.advance(Duration::from_secs(59));
    assert_eq!(emulator.all_customers(), "");
    emulator.mock.advance(Duration::from_secs(1));
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1""#);
}

#[test]
fn an_updated_profile_stays_unchanged_and_findable_by_its_old_email_until_then() {
    let emulator = delayed();
    emulator.upsert(json!({"external_id": "c-1", "email": "old@example.com"}));
    emulator.mock.advance(Duration::from_secs(60));
    emulator.upsert(json!({"external_id": "c-1", "email": "new@example.com"}));
    assert_eq!(emulator.get(&customers("?email=old%40example.com")).identifiers(), ["c-1"]);
    assert_eq!(emulator.get(&customers("?email=new%40example.com")).identifiers(), [""; 0]);
    emulator.mock.advance(Duration::from_secs(60));
    assert_eq!(emulator.get(&customers("?email=old%40example.com")).identifiers(), [""; 0]);
    assert_eq!(emulator.get(&customers("?email=new%40example.com")).identifiers(), ["c-1"]);
}

#[test]
fn merges_see_the_applied_writes_in_their_order_of_acceptance() {
    let emulator = delayed();
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "Ann"}));
    emulator.mock.advance(Duration::from_secs(10));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    emulator.mock.advance(Duration::from_secs(50));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.com", first_name: "Ann""#);
    emulator.mock.advance(Duration::from_secs(10));
    assert_snapshot!(emulator.all_customers(), @r#"email: "ann@example.com", external_id: "c-1", first_name: "Ann""#);
}

#[test]
fn events_are_delayed_too() {
    let emulator = delayed();
    emulator.event(json!({"type": "order_shipped", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
    assert_eq!(emulator.events().len(), 0);
    emulator.mock.advance(Duration::from_secs(60));
    assert_eq!(emulator.events().len(), 1);
}

#[test]
fn a_write_is_dated_at_its_acceptance() {
    let emulator = delayed();
    emulator.upsert(json!({"external_id": "c-1"}));
    emulator.mock.advance(Duration::from_secs(3600));
    assert_eq!(emulator.get(&customers("")).json()["customers"][0]["account_updated_at"], "2026-01-01T00:00:00");
}
