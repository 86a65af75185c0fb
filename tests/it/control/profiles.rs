//! The story of a profile, and what a write would come to.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Emulator, customers};

#[test]
fn a_lineage_follows_a_profile_across_a_merge() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "Ann"}));
    emulator.upsert(json!({"phone_number": "+14155552671", "tags": "vip"}));
    emulator.mock.advance(Duration::from_secs(60));
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    emulator.event(
        json!({"type": "t", "unique_id": 1, "customer": {"external_id": "c-1", "phone_number": "+14155552671"}}),
    );
    let story = emulator.control("GET", "/stores/shop/customers/1/lineage").send().json();
    let steps: Vec<_> = story["steps"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_snapshot!(steps.join("\n"), @r#"
    {"at":"2026-01-01T00:00:00Z","fields":["email","first_name","account_updated_at"],"identifiers":{"email":"ann@example.com","external_id":null,"phone_number":null},"request":1,"rule":"identity.new","step":"created"}
    {"at":"2026-01-01T00:01:00Z","fields":["external_id","email","account_updated_at"],"identifiers":{"email":"ann@example.com","external_id":"c-1","phone_number":null},"request":3,"rule":"identity.adopt","step":"adopted"}
    {"at":"2026-01-01T00:01:00Z","fields":["external_id","phone_number","account_updated_at"],"identifiers":{"email":"ann@example.com","external_id":"c-1","phone_number":"+14155552671"},"request":4,"rule":"identity.external_id","step":"updated"}
    {"at":"2026-01-01T00:01:00Z","fields":["tags"],"merged":{"identifiers":{"email":null,"external_id":null,"phone_number":"+14155552671"},"number":2},"request":4,"rule":"identity.goes_on","step":"merged"}
    "#);
    assert_snapshot!(emulator.control("GET", "/stores/shop/customers/2/lineage").send(), @r#"
    404
    {
      "error":"store `shop` has no customer with the number `2`",
      "hint":"`GET /_mock/stores/shop/customers` lists customers with their numbers, without merged ones"
    }
    "#);
}

#[test]
fn a_lineage_keeps_the_last_32_steps() {
    let emulator = Emulator::undeclared();
    for _ in 0..100 {
        emulator.upsert(json!({"external_id": "c-1"}));
    }
    let story = emulator.control("GET", "/stores/shop/customers/1/lineage").send().json();
    let requests: Vec<_> =
        story["steps"].as_array().unwrap().iter().map(|step| step["request"].as_u64().unwrap()).collect();
    assert_eq!(requests, (69..=100).collect::<Vec<_>>());
}

#[test]
fn a_seed_is_no_step_and_an_unknown_customer_is_an_error() {
    let emulator = Emulator::undeclared_with(|builder| {
        builder.seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#)
    });
    let lineage = |path: &str| emulator.control("GET", path).send();
    assert_eq!(lineage("/stores/shop/customers/1/lineage").json(), json!({"steps": []}));
    for path in
        ["/stores/shop/customers/7/lineage", "/stores/shop/customers/c-1/lineage", "/stores/nobody/customers/1/lineage"]
    {
        assert_eq!(lineage(path).status(), 404, "{path}");
    }
}

#[test]
fn an_explained_write_is_not_written() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"email": "ann@example.com", "first_name": "Ann"}));
    emulator.upsert(json!({"phone_number": "+14155552671", "tags": "vip"}));
    let before = emulator.all_customers();
    let explain = |body: Value| emulator.control("POST", "/stores/shop/explain").json(body).send().json();
    let merge = explain(
        json!({"customer": {"external_id": "c-1", "email": "ann@example.com", "phone_number": "+14155552671"}}),
    );
    let brief = |explained: &Value| {
        [&explained["would"], &explained["rule"], &explained["number"], &explained["merged"]]
            .map(Value::to_string)
            .join(" ")
    };
    assert_snapshot!(brief(&merge), @r#""adopted" "identity.adopt" 1 [{"identifiers":{"email":null,"external_id":null,"phone_number":"+14155552671"},"number":2}]"#);
    assert_eq!((&merge["customer"]["tags"], &merge["customer"]["first_name"]), (&json!("vip"), &json!("Ann")));
    assert_snapshot!(brief(&explain(json!({"customer": {"external_id": "c-9"}}))), @r#""created" "identity.new" 3 []"#);
    assert_snapshot!(brief(&explain(json!({"customer": {"email": "ANN@example.com"}}))), @r#""updated" "identity.last_written" 1 []"#);
    let event = json!({"customer_event": {"type": "t", "unique_id": 1, "customer": {"external_id": "c-1", "email": "ann@example.com"}}});
    assert_snapshot!(brief(&explain(event)), @r#""adopted" "identity.adopt" 1 []"#);
    assert_eq!(emulator.all_customers(), before);
    assert_eq!(emulator.events().len(), 0);
}

#[test]
fn an_explained_rejection_names_every_broken_rule_with_its_evidence() {
    let emulator = Emulator::undeclared();
    let explain = |body: Value| emulator.control("POST", "/stores/nobody/explain").json(body).send();
    let rejected = explain(json!({"customer": {"email": "ann", "gender": "f", "frist_name": "Ann"}}));
    assert_snapshot!(rejected, @r#"
    200
    {
      "accepted":false,
      "broken":[
        {
          "evidence":"documented",
          "message":"customer.email must be a well-formed e-mail address (got `ann`)",
          "path":"customer.email",
          "rule":"customer.email.format"
        },
        {
          "evidence":"documented",
          "message":"customer.gender must be `F`, `M` or `Other` (got `f`)",
          "path":"customer.gender",
          "rule":"customer.gender.enum"
        }
      ],
      "matches":[],
      "notes":[
        {
          "fields":["customer.frist_name"],
          "id":"customers.unknown_field",
          "message":"an unknown field was sent and ignored"
        }
      ]
    }
    "#);
    assert_eq!(explain(json!({})).json()["broken"][0]["rule"], "customer.required");
    assert_eq!(emulator.control("GET", "/stores").send().json()["stores"], json!([]), "a question remembers no store");
}

#[test]
fn an_explanation_counts_pending_writes_as_applied() {
    let emulator = Emulator::undeclared_with(|builder| builder.visibility_delay(Duration::from_secs(60)));
    emulator.upsert(json!({"external_id": "c-1"}));
    let explained = emulator
        .control("POST", "/stores/shop/explain")
        .json(json!({"customer": {"external_id": "c-1"}}))
        .send()
        .json();
    assert_eq!(explained["would"], "updated");
    assert_eq!(emulator.get(&customers("")).identifiers(), [""; 0]);
}

#[test]
fn an_explained_rejection_shows_the_customers_that_it_would_match() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1", "email": "ann@example.com"}));
    emulator.upsert(json!({"phone_number": "+14155552671"}));
    let matches = |body: Value| {
        let explained = emulator.control("POST", "/stores/shop/explain").json(body).send().json();
        assert_eq!(explained["accepted"], false, "{explained}");
        explained["matches"].to_string()
    };
    let event = |customer: Value| json!({"customer_event": {"type": 7, "unique_id": 1, "customer": customer}});
    assert_snapshot!([
        matches(json!({"customer": {"external_id": "c-1", "gender": "f"}})),
        matches(json!({"customer": {"external_id": "c-1", "email": "nobody"}})),
        matches(json!({"customer": {"external_id": "c-2", "phone_number": "+14155552671", "gender": "f"}})),
        matches(json!({"customer": {"email": "ANN@example.com", "phone_number": "+14155552671"}})),
        matches(json!({"customer": {"email": "bob@example.com", "gender": "f"}})),
        matches(json!({"customer": {"gender": "F"}})),
        matches(event(json!({"email": "ann@example.com"}))),
        matches(json!({})),
    ].join("\n"), @r#"
    [{"identifiers":{"email":"ann@example.com","external_id":"c-1","phone_number":null},"number":1}]
    [{"identifiers":{"email":"ann@example.com","external_id":"c-1","phone_number":null},"number":1}]
    [{"identifiers":{"email":null,"external_id":null,"phone_number":"+14155552671"},"number":2}]
    [{"identifiers":{"email":"ann@example.com","external_id":"c-1","phone_number":null},"number":1},{"identifiers":{"email":null,"external_id":null,"phone_number":"+14155552671"},"number":2}]
    []
    []
    [{"identifiers":{"email":"ann@example.com","external_id":"c-1","phone_number":null},"number":1}]
    []
    "#);
    let store = emulator.mock.store("shop");
    let explained = store.explain(&json!({"customer": {"external_id": "c-1", "gender": "f"}}));
    assert_eq!(explained.matches, [store.customer("c-1").unwrap()]);
}
