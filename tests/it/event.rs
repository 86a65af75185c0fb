//! The custom customer event: contract, section 6.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{EVENTS, Emulator, customers};

/// All events of the store `shop`, a line each, with what names their customers.
pub fn all_events(emulator: &Emulator) -> String {
    let lines = emulator.events().into_iter().map(|event| {
        let who = [event.external_id(), event.email(), event.phone_number()];
        let who: Vec<_> = who.into_iter().flatten().collect();
        format!(
            "{}: {} by {} at {} of {} {}",
            event.unique_id(),
            event.event_type(),
            event.source().unwrap_or("nobody"),
            event.timestamp().expect("an event of a store has a time"),
            who.join(" "),
            event.to_json()["properties"]
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn shipped() -> Value {
    json!({
        "source": "returns_desk", "type": "order_shipped", "timestamp": "2025-12-31T23:00:00-01:00", "unique_id": "e-1",
        "customer": {"external_id": "c-1", "first_name": "Ann", "custom_properties": {"club": "gold"}},
        "properties": {"order_id": "1001", "amount": 12.5, "is_gift": false}
    })
}

fn without(key: &str) -> Value {
    let mut event = shipped();
    event.as_object_mut().unwrap().remove(key);
    event
}

fn plus(key: &str, value: Value) -> Value {
    let mut event = shipped();
    event[key] = value;
    event
}

#[test]
fn an_event_is_stored_and_creates_its_customer() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.event(shipped()), @"
    200
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {}
    ");
    assert_snapshot!(all_events(&emulator), @r#"e-1: order_shipped by returns_desk at 2026-01-01T00:00:00 of c-1 {"amount":12.5,"is_gift":false,"order_id":"1001"}"#);
    assert_snapshot!(emulator.all_customers(), @r#"custom_properties: {"club":"gold"}, external_id: "c-1", first_name: "Ann""#);
}

#[test]
fn an_event_updates_its_existing_customer() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Old", "last_name": "Lee"}));
    emulator.event(shipped());
    assert_snapshot!(emulator.all_customers(), @r#"custom_properties: {"club":"gold"}, external_id: "c-1", first_name: "Ann", last_name: "Lee""#);
}

#[test]
fn a_known_unique_id_overrides_the_earlier_event_also_when_the_customer_changes() {
    let emulator = Emulator::new();
    emulator.event(shipped());
    emulator.event(plus("unique_id", json!("e-2")));
    let mut again = plus("type", json!("order_returned"));
    again["customer"] = json!({"email": "beth@example.com"});
    again.as_object_mut().unwrap().remove("properties");
    emulator.event(again);
    assert_snapshot!(all_events(&emulator), @r#"
    e-1: order_returned by returns_desk at 2026-01-01T00:00:00 of beth@example.com {}
    e-2: order_shipped by returns_desk at 2026-01-01T00:00:00 of c-1 {"amount":12.5,"is_gift":false,"order_id":"1001"}
    "#);
    assert_eq!(
        emulator.get(&customers("")).identifiers(),
        ["c-1", "beth@example.com"],
        "nothing is undone on the old one"
    );
}

#[test]
fn an_absent_timestamp_is_the_time_of_the_call() {
    let emulator = Emulator::new();
    emulator.mock.advance(Duration::from_secs(5));
    emulator.event(without("timestamp"));
    assert_snapshot!(all_events(&emulator), @r#"e-1: order_shipped by returns_desk at 2026-01-01T00:00:05 of c-1 {"amount":12.5,"is_gift":false,"order_id":"1001"}"#);
}

#[test]
fn an_event_needs_a_type_a_unique_id_and_a_customer_and_nothing_else() {
    let emulator = Emulator::new();
    for optional in ["source", "timestamp", "properties"] {
        assert_eq!(emulator.event(without(optional)).status(), 200, "{optional}");
    }
    for required in ["type", "unique_id", "customer"] {
        let null = plus(required, Value::Null);
        let (absent, null) = (emulator.event(without(required)), emulator.event(null));
        assert_eq!(absent.to_string(), null.to_string(), "null counts as absent");
        assert_eq!(absent.status(), 400);
    }
    assert_snapshot!(emulator.event(json!({})), @r#"
    400
    x-yotpo-mock-rule: event.type.required, event.unique_id.required, customer.required
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {
      "errors":[
        {"message":"customer_event.type is required"},
        {"message":"customer_event.unique_id is required"},
        {"message":"customer_event.customer is required and must be an object"}
      ]
    }
    "#);
}

#[test]
fn the_customer_of_an_event_is_identified_as_any_other() {
    let emulator = Emulator::new();
    assert_eq!(emulator.event(plus("customer", json!({"phone_number": "+14155552671"}))).status(), 200);
    assert_snapshot!(emulator.event(plus("customer", json!({"email": "a@b.co", "phone_number": "+14155552671"}))), @r#"
    400
    x-yotpo-mock-rule: customer.identifier.ambiguous
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {
      "errors":[
        {
          "message":"customer_event.customer must not have both `email` and `phone_number` without `external_id`"
        }
      ]
    }
    "#);
    assert_snapshot!(emulator.event(plus("customer", json!({}))), @r#"
    400
    x-yotpo-mock-rule: customer.identifier.missing
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {
      "errors":[
        {"message":"customer_event.customer needs `external_id`, or one of `email` and `phone_number`"}
      ]
    }
    "#);
    assert_snapshot!(emulator.event(plus("customer", json!("c-1"))), @r#"
    400
    x-yotpo-mock-rule: customer.required
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {"errors":[{"message":"customer_event.customer is required and must be an object (got `c-1`)"}]}
    "#);
}

#[test]
fn each_field_of_an_event_rejects_what_its_rules_forbid() {
    let emulator = Emulator::new();
    for (field, value, rule) in [
        ("source", json!(7), "event.source.type"),
        ("source", json!(""), "event.source.length"),
        ("source", json!("é".repeat(256)), "event.source.length"),
        ("type", json!(true), "event.type.type"),
        ("type", json!(""), "event.type.length"),
        ("type", json!("é".repeat(256)), "event.type.length"),
        ("timestamp", json!(1616819854), "event.timestamp.type"),
        ("timestamp", json!("now"), "event.timestamp.format"),
        ("unique_id", json!(1.5), "event.unique_id.type"),
        ("unique_id", json!([]), "event.unique_id.type"),
        ("unique_id", json!(""), "event.unique_id.length"),
        ("unique_id", json!("é".repeat(256)), "event.unique_id.length"),
        ("properties", json!("none"), "event.properties.type"),
        ("properties", json!({"a": null}), "event.properties.null"),
        ("properties", json!({"a": [1]}), "event.properties.nested"),
        ("properties", json!({"a b": 1}), "event.properties.key"),
    ] {
        let response = emulator.event(plus(field, value.clone()));
        assert_eq!((response.status(), response.rule()), (400, Some(rule)), "{field}: {value}");
        let message = response.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(&format!("customer_event.{field}")), "{message}");
    }
    assert_eq!(all_events(&emulator), "");
}

#[test]
fn a_unique_id_may_be_a_whole_number() {
    let emulator = Emulator::new();
    emulator.event(plus("unique_id", json!(7)));
    emulator.event(plus("unique_id", json!("7")));
    assert_eq!(emulator.events().len(), 1);
}

#[test]
fn a_source_and_a_type_that_are_not_snake_case_are_accepted_and_noted() {
    let emulator = Emulator::new();
    for (field, value) in [("source", "Returns Desk"), ("type", "orderShipped"), ("type", "_shipped")] {
        assert_eq!(
            emulator.event(plus(field, json!(value))).notes(),
            ["events.endpoint", "events.not_snake_case"],
            "{value}"
        );
    }
    assert_snapshot!(emulator.event(plus("source", json!("Returns Desk"))), @"
    200
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    x-yotpo-mock-note: events.not_snake_case: Yotpo requires snake_case in source and type
    {}
    ");
}

#[test]
fn a_bare_event_post_and_other_names_are_accepted_and_noted() {
    let emulator = Emulator::new();
    let bare = emulator.request("PATCH", EVENTS).json(without("source")).nonconforming().send();
    assert_snapshot!(bare, @"
    200
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    x-yotpo-mock-note: events.body_unwrapped: the event was not inside customer_event
    {}
    ");
    let posted = emulator.request("POST", EVENTS).json(json!({"customer_event": shipped()})).send();
    assert_snapshot!(posted, @"
    200
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    x-yotpo-mock-note: events.method_post: POST was treated as PATCH
    {}
    ");
    let renamed = emulator.request("PATCH", EVENTS).nonconforming().json(json!({"customer_event": {
        "event_source": "returns_desk", "event_name": "renamed", "occurred_at": "2025-01-01", "event_id": 9,
        "event_properties": {"a": 1}, "customer": {"external_id": "c-9"}
    }}));
    assert_snapshot!(renamed.send(), @"
    200
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    x-yotpo-mock-note: events.field_alias: a field was accepted under another plausible name
    {}
    ");
    assert_snapshot!(all_events(&emulator), @r#"
    e-1: order_shipped by returns_desk at 2026-01-01T00:00:00 of c-1 {"amount":12.5,"is_gift":false,"order_id":"1001"}
    9: renamed by returns_desk at 2025-01-01T00:00:00 of c-9 {"a":1}
    "#);
}

#[test]
fn the_canonical_name_wins_over_the_others_then_their_order() {
    let emulator = Emulator::new();
    let send =
        |event: Value| emulator.request("PATCH", EVENTS).nonconforming().json(json!({"customer_event": event})).send();
    send(
        json!({"name": "fourth", "event_name": "third", "event_type": "second", "type": "first", "unique_id": 1, "customer": {"external_id": "c-1"}}),
    );
    send(
        json!({"name": "fourth", "event_name": "third", "event_type": "second", "type": null, "unique_id": 2, "customer": {"external_id": "c-1"}}),
    );
    send(json!({"name": "fourth", "event_name": "third", "unique_id": 3, "customer": {"external_id": "c-1"}}));
    send(
        json!({"name": "fourth", "event_id": 9, "id": 4, "event_timestamp": "2025-01-02", "occurred_at": "2025-01-01", "customer": {"external_id": "c-1"}}),
    );
    assert_snapshot!(all_events(&emulator), @"
    1: first by nobody at 2026-01-01T00:00:00 of c-1 {}
    2: second by nobody at 2026-01-01T00:00:00 of c-1 {}
    3: third by nobody at 2026-01-01T00:00:00 of c-1 {}
    4: fourth by nobody at 2025-01-01T00:00:00 of c-1 {}
    ");
}

#[test]
fn unknown_keys_of_an_event_are_ignored_and_noted() {
    let emulator = Emulator::new();
    let response = emulator
        .request("PATCH", EVENTS)
        .json(json!({"customer_event": plus("colour", json!("red")), "also": 1}))
        .send();
    assert_snapshot!(response, @"
    200
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    x-yotpo-mock-note: customers.unknown_field: an unknown field was sent and ignored
    {}
    ");
}

#[test]
fn a_body_without_an_event_is_rejected() {
    let emulator = Emulator::new();
    let send = |body: Value| emulator.request("PATCH", EVENTS).json(body).send();
    assert_snapshot!(send(json!({})), @r#"
    400
    x-yotpo-mock-rule: event.required
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {"errors":[{"message":"customer_event is required and must be an object"}]}
    "#);
    assert_snapshot!(send(json!([])), @r#"
    400
    x-yotpo-mock-rule: body.object
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {"errors":[{"message":"the body must be a JSON object"}]}
    "#);
    assert_snapshot!(send(json!({"customer_event": "order_shipped"})), @r#"
    400
    x-yotpo-mock-rule: event.required
    x-yotpo-mock-note: events.endpoint: Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source
    {"errors":[{"message":"customer_event is required and must be an object"}]}
    "#);
}
