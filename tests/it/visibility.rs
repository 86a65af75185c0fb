//! Writes that take their time to show: contract, section 4.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Scene, customers};

fn delayed() -> Scene {
    Scene::with(|builder| builder.visibility_delay(Duration::from_secs(60)))
}

#[test]
fn an_accepted_write_shows_once_its_delay_is_over() {
    let scene = delayed();
    assert_eq!(scene.upsert(json!({"external_id": "c-1"})).status(), 200);
    assert_eq!(scene.everybody(), "");
    scene.mock.advance(Duration::from_secs(59));
    assert_eq!(scene.everybody(), "");
    scene.mock.advance(Duration::from_secs(1));
    assert_snapshot!(scene.everybody(), @r#"external_id: "c-1""#);
}

#[test]
fn an_updated_profile_stays_readable_as_it_was_and_findable_by_its_old_email() {
    let scene = delayed();
    scene.upsert(json!({"external_id": "c-1", "email": "old@example.com"}));
    scene.mock.advance(Duration::from_secs(60));
    scene.upsert(json!({"external_id": "c-1", "email": "new@example.com"}));
    assert_eq!(scene.get(&customers("?email=old%40example.com")).names(), ["c-1"]);
    assert_eq!(scene.get(&customers("?email=new%40example.com")).names(), [""; 0]);
    scene.mock.advance(Duration::from_secs(60));
    assert_eq!(scene.get(&customers("?email=old%40example.com")).names(), [""; 0]);
    assert_eq!(scene.get(&customers("?email=new%40example.com")).names(), ["c-1"]);
}

#[test]
fn merges_see_the_applied_writes_in_their_order_of_acceptance() {
    let scene = delayed();
    scene.upsert(json!({"email": "ann@example.com", "first_name": "Ann"}));
    scene.mock.advance(Duration::from_secs(10));
    scene.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    scene.mock.advance(Duration::from_secs(50));
    assert_snapshot!(scene.everybody(), @r#"email: "ann@example.com", first_name: "Ann""#);
    scene.mock.advance(Duration::from_secs(10));
    assert_snapshot!(scene.everybody(), @r#"email: "ann@example.com", external_id: "c-1", first_name: "Ann""#);
}

#[test]
fn events_are_delayed_too() {
    let scene = delayed();
    scene.event(json!({"type": "order_shipped", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
    assert_eq!(scene.events().len(), 0);
    scene.mock.advance(Duration::from_secs(60));
    assert_eq!(scene.events().len(), 1);
}

#[test]
fn a_write_is_dated_at_its_acceptance() {
    let scene = delayed();
    scene.upsert(json!({"external_id": "c-1"}));
    scene.mock.advance(Duration::from_secs(3600));
    assert_eq!(
        scene.get(&customers("")).json()["customers"][0]["account_updated_at"],
        "2026-01-01T00:00:00"
    );
}
