//! The clock, and what waits for it.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Emulator, customers};

#[test]
fn a_clock_is_frozen_and_resumed_and_never_goes_back() {
    let emulator = Emulator::undeclared();
    let put = |body| emulator.control("PUT", "/clock").json(body).send();
    assert_snapshot!(emulator.control("GET", "/clock").send(), @r#"
    200
    {"frozen":true,"now":"2026-01-01T00:00:00Z","offset_ms":0}
    "#);
    assert_snapshot!(put(json!({"now": "2026-02-01T00:00:00+01:00"})), @r#"
    200
    {"frozen":true,"now":"2026-01-31T23:00:00Z","offset_ms":0}
    "#);
    assert_snapshot!(put(json!({"now": "2026-01-01T00:00:00Z"})), @r#"
    400
    {
      "error":"the clock is already at `2026-01-31T23:00:00Z`",
      "hint":"a clock never goes back: set a later time"
    }
    "#);
    assert_snapshot!(put(json!({"now": "tomorrow"})), @r#"
    400
    {
      "error":"`now` must be a time such as `2026-01-01T00:00:00Z`, and is `\"tomorrow\"`",
      "hint":"for example `{\"now\":\"2026-01-01T00:00:00Z\",\"frozen\":true}`"
    }
    "#);
    assert_snapshot!(put(json!({"frozen": "yes"})), @r#"
    400
    {
      "error":"`frozen` must be a boolean, and is `yes`",
      "hint":"for example `{\"now\":\"2026-01-01T00:00:00Z\",\"frozen\":true}`"
    }
    "#);
    assert_snapshot!(put(json!({"now": "9999-01-01T00:00:00Z"})), @r#"
    400
    {"error":"the time is after the year 9000","hint":"set an earlier time"}
    "#);
    assert_eq!(put(json!({"frozen": false})).json()["frozen"], false);
    let frozen = put(json!({"now": "2030-01-01T00:00:00Z", "frozen": true})).json();
    assert_eq!((&frozen["now"], &frozen["frozen"]), (&"2030-01-01T00:00:00Z".into(), &true.into()));
}

#[test]
fn two_weeks_of_one_store_expire_its_tokens_only() {
    let emulator = Emulator::undeclared();
    let token = |store: &str| emulator.token(store, "x").json()["access_token"].as_str().unwrap().to_owned();
    let (shop, other) = (token("shop"), token("other"));
    assert_snapshot!(emulator.control("POST", "/clock/advance?store=shop").json(json!({"seconds": 1209601})).send(), @r#"
    200
    {"frozen":true,"now":"2026-01-15T00:00:01Z","offset_ms":1209601000}
    "#);
    assert_eq!(emulator.get_with_token(&shop).rule(), Some("token.expired"));
    let of_other = emulator.anonymous("GET", "/core/v3/stores/other/customers").token(&other).send();
    assert_eq!(of_other.status(), 200);
    emulator.upsert(json!({"external_id": "c-1"}));
    let updated_at = &emulator.get(&customers("")).json()["customers"][0]["account_updated_at"];
    assert_eq!(updated_at, "2026-01-15T00:00:01", "timestamps follow");
    assert_snapshot!(emulator.control("PUT", "/clock?store=shop").json(json!({"frozen": true})).send(), @r#"
    400
    {"error":"`frozen` applies to the clock of all stores","hint":"leave out `store` or `frozen`"}
    "#);
    emulator.control("POST", "/clock/advance").json(json!({"seconds": 1.5})).send();
    assert_eq!(emulator.control("GET", "/clock?store=shop").send().json()["now"], "2026-01-15T00:00:02.500Z");
}

#[test]
fn impossible_advances_are_rejected() {
    let emulator = Emulator::undeclared();
    let advance = |body| emulator.control("POST", "/clock/advance").json(body).send();
    assert_snapshot!(advance(json!({"seconds": -1})), @r#"
    400
    {
      "error":"`seconds` must be a number from 0, and is `-1`",
      "hint":"for example `{\"seconds\":60}`; a clock never goes back"
    }
    "#);
    assert_snapshot!(advance(json!({})), @r#"
    400
    {"error":"`seconds` is missing","hint":"for example `{\"seconds\":60}`; a clock never goes back"}
    "#);
    assert_snapshot!(advance(json!({"seconds": 1e15})), @r#"
    400
    {"error":"the time is after the year 9000","hint":"set an earlier time"}
    "#);
    assert_eq!(advance(json!({"seconds": "ten"})).status(), 400);
    assert_eq!(emulator.control("GET", "/clock").send().json()["now"], "2026-01-01T00:00:00Z");
}

#[test]
fn a_delay_passes_with_the_clock_or_is_settled() {
    let emulator = Emulator::undeclared();
    emulator.control("PATCH", "/settings").json(json!({"visibility_delay_ms": 60000})).send();
    emulator.upsert(json!({"external_id": "c-1"}));
    emulator
        .request("PATCH", "/core/v3/stores/other/customers")
        .json(json!({"customer": {"external_id": "c-2"}}))
        .send();
    assert_eq!(emulator.all_customers(), "");
    assert_snapshot!(emulator.control("POST", "/settle?store=shop").send(), @r#"
    200
    {"applied":1}
    "#);
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1"]);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").identifiers(), [""; 0]);
    assert_eq!(emulator.control("POST", "/settle").send().json()["applied"], 1);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").identifiers(), ["c-2"]);
}
