//! The documents under `openapi/`: kept in step with what is served.

use serde_json::Value;

use crate::support::Scene;

const YAML: &str = include_str!("../../openapi/customers.yaml");
const TWIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/customers.json");

/// Rewrites the twin instead of comparing it, where this variable is set.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_json_twin_says_what_the_yaml_says() {
    let document: Value = serde_yaml_ng::from_str(YAML).expect("the document is YAML");
    let expected = format!("{document}\n");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(TWIN, expected).expect("the twin can be written");
        return;
    }
    let twin = std::fs::read_to_string(TWIN).expect("the twin is there");
    assert!(
        twin == expected,
        "openapi/customers.json is out of step: run `{UPDATE}=1 cargo test --test it openapi`"
    );
}

#[test]
fn the_emulator_serves_the_document() {
    let scene = Scene::new();
    let answer = scene.raw_get("/_mock/openapi.json");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("content-type: application/json"));
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    let served: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(scene.mock.requests().len(), 0, "our own surface is not journalled");
}
