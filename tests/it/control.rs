//! The control API, one file per resource.

mod access;
mod ca;
mod clock;
mod faults;
mod profiles;
mod report;
mod requests;
mod reset;
mod seed;
mod settings;
mod snapshots;
mod state;
mod stores;

use insta::assert_snapshot;

use crate::support::Emulator;

#[test]
fn an_unknown_path_and_a_wrong_method_are_explained() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(emulator.control("GET", "/nowhere").send(), @r#"
    404
    {
      "error":"`/_mock/nowhere` is not a path of the control API",
      "hint":"`GET /_mock/control.openapi.json` lists all paths"
    }
    "#);
    assert_snapshot!(emulator.control("DELETE", "/clock").send(), @r#"
    405
    allow: GET, HEAD, PUT
    {"error":"`/_mock/clock` does not support DELETE","hint":"it supports GET, HEAD, PUT"}
    "#);
    assert_eq!(emulator.control("POST", "").send().status(), 404);
    assert_eq!(emulator.mock.requests().count(), 0, "our own surface is not journalled");
}

#[test]
fn unknown_parameters_and_keys_are_rejected_by_name() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(emulator.control("POST", "/reset?stoer=shop").send(), @r#"
    400
    {"error":"`stoer` is not a parameter of this request","hint":"it has `store`"}
    "#);
    assert_snapshot!(emulator.control("POST", "/reset").json(serde_json::json!({"too": "empty"})).send(), @r#"
    400
    {
      "error":"unknown field `too`, expected `to`; did you mean `to`?",
      "hint":"send `{\"to\":\"seed\"}`, `{\"to\":\"empty\"}` or no body"
    }
    "#);
    assert_snapshot!(emulator.control("POST", "/reset").json(serde_json::json!(["empty"])).send(), @r#"
    400
    {"error":"the body is `[\"empty\"]`","hint":"send a JSON object"}
    "#);
    assert_snapshot!(emulator.control("POST", "/reset").body("application/json", "{").send(), @r#"
    400
    {
      "error":"the body is not JSON: it ends in the middle of an object (line 1, column 1)",
      "hint":"send a JSON object"
    }
    "#);
    assert_snapshot!(emulator.control("POST", "/reset?store=").send(), @r#"
    400
    {"error":"`store` is empty","hint":"name a value, or leave the parameter out"}
    "#);
    assert_snapshot!(emulator.control("GET", "/clock?store=%ff").send(), @r#"
    400
    {"error":"the query is not UTF-8","hint":"percent-encode it as UTF-8"}
    "#);
}

#[test]
fn health_and_both_documents_are_served() {
    let emulator = Emulator::undeclared();
    let health = emulator.control("GET", "/health").send().json();
    assert_eq!((&health["status"], &health["version"]), (&"ready".into(), &env!("CARGO_PKG_VERSION").into()));
    for document in ["/openapi.json", "/control.openapi.json"] {
        assert_eq!(emulator.control("GET", document).send().json()["openapi"], "3.1.0");
    }
    assert_eq!(emulator.control("HEAD", "/health").send().status(), 200);
}
