//! Named states.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Emulator, Response, customers};

fn take(emulator: &Emulator, name: &str) -> Response {
    emulator.control("PUT", &format!("/snapshots/{name}")).send()
}

fn restore(emulator: &Emulator, name: &str) -> Response {
    emulator.control("POST", &format!("/snapshots/{name}/restore")).send()
}

#[test]
fn a_snapshot_is_taken_listed_restored_and_deleted() {
    let emulator = Emulator::undeclared_with(|builder| {
        builder.seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#)
    });
    assert_snapshot!(take(&emulator, "clean"), @r#"
    201
    {"customers":1,"events":0,"name":"clean","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
    "#);
    emulator.upsert(json!({"external_id": "c-2"}));
    assert_snapshot!(take(&emulator, "two-customers"), @r#"
    201
    {"customers":2,"events":0,"name":"two-customers","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
    "#);
    assert_eq!(restore(&emulator, "clean").status(), 200);
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1"]);
    assert_snapshot!(restore(&emulator, "two-customers"), @r#"
    200
    {"customers":2,"events":0,"name":"two-customers","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
    "#);
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "c-2"]);
    emulator.upsert(json!({"external_id": "c-3"}));
    let again = take(&emulator, "two-customers");
    assert_eq!((again.status(), &again.json()["customers"]), (200, &json!(3)));
    assert_snapshot!(emulator.control("GET", "/snapshots").send(), @r#"
    200
    {
      "snapshots":[
        {"customers":1,"events":0,"name":"clean","stores":1,"taken_at":"2026-01-01T00:00:00Z"},
        {"customers":3,"events":0,"name":"two-customers","stores":1,"taken_at":"2026-01-01T00:00:00Z"}
      ]
    }
    "#);
    assert_eq!(emulator.control("DELETE", "/snapshots/clean").send().json(), json!({}));
    assert_snapshot!(emulator.control("GET", "/snapshots/clean").send(), @r#"
    404
    {"error":"there is no snapshot `clean`","hint":"existing snapshots: `two-customers`"}
    "#);
    assert_eq!(emulator.control("GET", "/snapshots/two-customers").send().status(), 200);
}

#[test]
fn a_snapshot_is_independent_of_later_writes_and_resets() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1", "first_name": "Ann"}));
    take(&emulator, "ann");
    for round in 0..3 {
        emulator.upsert(json!({"external_id": "c-1", "first_name": format!("Bob {round}")}));
        emulator.event(json!({"type": "t", "unique_id": "e-1", "customer": {"external_id": "c-1"}}));
        emulator.control("POST", "/reset").send();
        restore(&emulator, "ann");
        assert_eq!(emulator.all_customers(), r#"external_id: "c-1", first_name: "Ann""#);
        assert_eq!(emulator.events().len(), 0);
    }
}

#[test]
fn a_restore_replaces_tokens_settings_pending_writes_and_the_time_and_rejects_cursors() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "s3cret"));
    let token = emulator.token("shop", "s3cret").json()["access_token"].as_str().unwrap().to_owned();
    let write = |id: &str| {
        let write = emulator.anonymous("PATCH", &customers("")).token(&token);
        write.json(json!({"customer": {"external_id": id}})).send()
    };
    write("c-1");
    write("c-2");
    emulator
        .control("PATCH", "/settings?store=shop")
        .json(json!({"visibility_delay_ms": 60_000, "rate_limit": 4}))
        .send();
    write("c-3");
    let cursor = emulator.anonymous("GET", &customers("?limit=1")).token(&token).send().next_page().unwrap();
    take(&emulator, "before");

    emulator.control("POST", "/clock/advance").json(json!({"seconds": 1_209_601})).send();
    assert_eq!(emulator.get_with_token(&token).rule(), Some("token.expired"));
    emulator.control("POST", "/reset").send();
    assert_eq!(emulator.get_with_token(&token).rule(), Some("token.unknown"));

    restore(&emulator, "before");
    let read = emulator.get_with_token(&token);
    assert_eq!(
        (read.identifiers(), read.rate_limit_headers()),
        (vec!["c-1".into(), "c-2".into()], [4, 1, 1]),
        "two were counted before"
    );
    let with_cursor = emulator.anonymous("GET", &customers(&format!("?page_info={cursor}"))).token(&token).send();
    assert_eq!(with_cursor.rule(), Some("cursor.invalid"));
    emulator.control("POST", "/clock/advance?store=shop").json(json!({"seconds": 60})).send();
    assert_eq!(emulator.get_with_token(&token).identifiers(), ["c-1", "c-2", "c-3"]);
    restore(&emulator, "before");
    assert_eq!(emulator.control("GET", "/clock?store=shop").send().json()["now"], "2026-01-01T00:00:00Z");
}

#[test]
fn the_number_and_names_of_snapshots_are_limited() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(restore(&emulator, "clean"), @r#"
    404
    {
      "error":"there is no snapshot `clean`",
      "hint":"there are none: `PUT /_mock/snapshots/{name}` saves one"
    }
    "#);
    for name in ["a%20b", "%C3%A9", ".", "..", &"n".repeat(65)] {
        let status = emulator.control("PUT", &format!("/snapshots/{name}")).nonconforming().send().status();
        assert!([400, 404, 405].contains(&status), "{name}: {status}");
    }
    assert_snapshot!(take(&emulator, "a%20b"), @r#"
    400
    {
      "error":"`a b` is not a valid name of a snapshot",
      "hint":"a name is 1 to 64 letters, digits, `.`, `_` and `-`"
    }
    "#);
    assert_eq!(take(&emulator, &"n".repeat(64)).status(), 201);
    for at in 1..16 {
        assert_eq!(take(&emulator, &format!("n{at}")).status(), 201);
    }
    assert_snapshot!(take(&emulator, "n16"), @r#"
    409
    {
      "error":"there are 16 snapshots already, and none is named `n16`",
      "hint":"replace or delete one of `n1`, `n10`, `n11`, `n12`, `n13`, `n14`, `n15`, `n2`, `n3`, `n4`, `n5`, `n6`, `n7`, `n8`, `n9` and `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn`"
    }
    "#);
    assert_eq!(take(&emulator, "n15").status(), 200, "one that is there is replaced");
    assert_snapshot!(emulator.control("DELETE", "/snapshots/n16").send(), @r#"
    404
    {
      "error":"there is no snapshot `n16`",
      "hint":"existing snapshots: `n1`, `n10`, `n11`, `n12`, `n13`, `n14`, `n15`, `n2`, `n3`, `n4`, `n5`, `n6`, `n7`, `n8`, `n9` and `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn`"
    }
    "#);
    assert_snapshot!(emulator.control("PUT", "/snapshots/n1").json(json!({"stores": ["shop"]})).send(), @r#"
    400
    {"error":"unknown field `stores`, there are no fields","hint":"send no body"}
    "#);
    assert_snapshot!(emulator.control("PUT", "/snapshots/n1?store=shop").send(), @r#"
    400
    {"error":"`store` is not a parameter of this request","hint":"it has no parameters"}
    "#);
}
