//! The documents under `openapi/`: kept in step with what is served.

use serde_json::Value;

use crate::support::Emulator;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi");

/// Rewrites the twins instead of comparing them, where this variable is set.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_json_twins_say_what_the_yaml_says() {
    for name in ["customers", "control"] {
        let yaml = std::fs::read_to_string(format!("{FOLDER}/{name}.yaml")).expect("the document is there");
        let document: Value = serde_yaml_ng::from_str(&yaml).expect("the document is YAML");
        let (twin, expected) = (format!("{FOLDER}/{name}.json"), format!("{document}\n"));
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(twin, expected).expect("the twin can be written");
            continue;
        }
        let twin = std::fs::read_to_string(twin).expect("the twin is there");
        assert!(
            twin == expected,
            "openapi/{name}.json is out of step: run `{UPDATE}=1 cargo test --test it openapi`"
        );
    }
}

/// What a comma in an unquoted description leaves behind: keys that are prose.
fn prose_keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(object) => {
            let own = object
                .iter()
                .filter(|(key, value)| value.is_null() && key.contains(' '))
                .map(|(key, _)| key.as_str());
            own.chain(object.values().flat_map(prose_keys)).collect()
        }
        Value::Array(values) => values.iter().flat_map(prose_keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_description_is_torn_at_a_comma() {
    for name in ["customers", "control"] {
        let twin = std::fs::read_to_string(format!("{FOLDER}/{name}.json")).expect("the twin is there");
        let document: Value = serde_json::from_str(&twin).expect("the twin is JSON");
        assert_eq!(prose_keys(&document), [""; 0]);
    }
}

#[test]
fn the_emulator_serves_the_document() {
    let emulator = Emulator::new();
    let response = emulator.raw_get("/_mock/openapi.json");
    assert!(response.starts_with("HTTP/1.1 200 OK") && response.contains("content-type: application/json"));
    let body = response.split_once("\r\n\r\n").expect("a body").1;
    let served: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(emulator.mock.requests().count(), 0, "our own surface is not journalled");
}
