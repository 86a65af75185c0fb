//! Settings, live.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Emulator, customers};

#[test]
fn settings_are_listed_with_the_changes() {
    let emulator = Emulator::undeclared_with(|builder| builder.rate_limit(7));
    assert_snapshot!(emulator.control("GET", "/settings").send(), @r#"
    200
    {
      "changed":{},
      "settings":{
        "body_limit":1048576,
        "empty_result":"ok",
        "enforce_deprecations":false,
        "issued_tokens_only":false,
        "rate_limit":7,
        "validation":"strict",
        "visibility_delay_ms":0
      }
    }
    "#);
    assert_snapshot!(emulator.control("PATCH", "/settings?store=shop").json(json!({"validation": "lenient", "rate_limit": 2})).send(), @r#"
    200
    {
      "changed":{"rate_limit":2,"validation":"lenient"},
      "settings":{
        "body_limit":1048576,
        "empty_result":"ok",
        "enforce_deprecations":false,
        "issued_tokens_only":false,
        "rate_limit":2,
        "validation":"lenient",
        "visibility_delay_ms":0
      },
      "warning":"store `shop` does not exist; `GET /_mock/stores` lists all stores"
    }
    "#);
    assert_eq!(emulator.get(&customers("")).rate_limit_headers(), [2, 1, 1]);
    assert_eq!(emulator.get("/core/v3/stores/other/customers").rate_limit_headers(), [7, 6, 1]);
}

#[test]
fn null_reverts_a_change() {
    let emulator = Emulator::undeclared_with(|builder| builder.rate_limit(7));
    let patch =
        |path: &str, body| emulator.control("PATCH", path).json(body).send().json()["settings"]["rate_limit"].clone();
    assert_eq!(patch("/settings", json!({"rate_limit": 3})), 3);
    assert_eq!(patch("/settings?store=shop", json!({"rate_limit": 1})), 1);
    assert_eq!(patch("/settings?store=shop", json!({"rate_limit": null})), 3);
    assert_eq!(patch("/settings", json!({"rate_limit": null})), 7);
}

#[test]
fn every_setting_has_its_effect_at_once() {
    let emulator = Emulator::undeclared();
    let patch = |body| assert_eq!(emulator.control("PATCH", "/settings").json(body).send().status(), 200);
    patch(json!({"empty_result": "error"}));
    assert_eq!(emulator.get(&customers("")).rule(), Some("customers.no_results"));
    patch(json!({"validation": "lenient", "enforce_deprecations": true}));
    let odd = emulator.request("PATCH", &customers("")).nonconforming();
    let odd = odd
        .json(json!({"customer": {"external_id": "c-1", "gender": "female", "phone_number": "+14155552671"}}))
        .send();
    assert_eq!(odd.status(), 200);
    assert_snapshot!(emulator.all_customers(), @r#"external_id: "c-1", gender: "female""#);
    patch(json!({"body_limit": 10}));
    assert_eq!(emulator.upsert(json!({"external_id": "c-2"})).rule(), Some("body.size"));
    patch(json!({"issued_tokens_only": true}));
    assert_eq!(emulator.get(&customers("")).rule(), Some("token.unknown"));
}

#[test]
fn impossible_settings_are_rejected_and_nothing_is_changed() {
    let emulator = Emulator::undeclared();
    let patch = |body| emulator.control("PATCH", "/settings").json(body).send();
    assert_snapshot!(patch(json!({"rate_limt": 5})), @r#"
    400
    {
      "error":"`rate_limt` is not a setting: there are `rate_limit`, `visibility_delay_ms`, `empty_result`, `validation`, `enforce_deprecations`, `issued_tokens_only` and `body_limit`",
      "hint":"`GET /_mock/settings` shows all settings with their values"
    }
    "#);
    assert_snapshot!(patch(json!({"rate_limit": -1})), @r#"
    400
    {
      "error":"rate_limit must be a whole number from 0 to 4294967295, and is `-1`",
      "hint":"`GET /_mock/settings` shows all settings with their values"
    }
    "#);
    for wrong in [
        json!({"rate_limit": 5, "validation": "loose"}),
        json!({"visibility_delay_ms": 0.5}),
        json!({"empty_result": true}),
        json!({"body_limit": 0}),
        json!({"issued_tokens_only": "yes"}),
        json!({"enforce_deprecations": 1}),
    ] {
        assert_eq!(patch(wrong.clone()).status(), 400, "{wrong}");
    }
    assert_eq!(emulator.control("GET", "/settings").send().json()["changed"], json!({}));
}
