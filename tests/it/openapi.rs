//! The documents in `openapi/` and their JSON versions, which the emulator serves.

use serde_json::Value;

use crate::support::Emulator;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi");

/// If this variable is set, the test rewrites the JSON files instead of comparing them.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_json_files_equal_the_yaml_files() {
    for name in ["customers", "control"] {
        let yaml = std::fs::read_to_string(format!("{FOLDER}/{name}.yaml")).expect("the document exists");
        let document: Value = serde_yaml_ng::from_str(&yaml).expect("the document is YAML");
        let (path, expected) = (format!("{FOLDER}/{name}.json"), format!("{document}\n"));
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(path, expected).expect("the file can be written");
            continue;
        }
        let json = std::fs::read_to_string(path).expect("the file exists");
        assert!(json == expected, "openapi/{name}.json is out of date: run `{UPDATE}=1 cargo test --test it openapi`");
    }
}

/// The keys that contain spaces: a comma in an unquoted description of a flow mapping creates them.
fn prose_keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(object) => {
            let own =
                object.iter().filter(|(key, value)| value.is_null() && key.contains(' ')).map(|(key, _)| key.as_str());
            own.chain(object.values().flat_map(prose_keys)).collect()
        }
        Value::Array(values) => values.iter().flat_map(prose_keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn descriptions_in_flow_style_are_quoted() {
    for name in ["customers", "control"] {
        let json = std::fs::read_to_string(format!("{FOLDER}/{name}.json")).expect("the file exists");
        let document: Value = serde_json::from_str(&json).expect("the file is JSON");
        assert_eq!(prose_keys(&document), [""; 0]);
    }
}

/// Schemas that client generators do not understand: objects of unknown content without `additionalProperties`, of which
/// TypeScript makes a record without keys, and enumerations of several types, whose operations a Python client loses.
fn ambiguous_schemas<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    let Value::Object(schema) = value else {
        value.as_array().into_iter().flatten().for_each(|value| ambiguous_schemas(value, found));
        return;
    };
    let types = schema.get("type");
    let is_object = types.is_some_and(|types| {
        types == "object" || types.as_array().is_some_and(|types| types.contains(&"object".into()))
    });
    let says_content =
        ["properties", "additionalProperties", "allOf", "anyOf", "oneOf"].iter().any(|key| schema.contains_key(*key));
    let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let mut kinds: Vec<_> = values.filter(|value| !value.is_null()).map(std::mem::discriminant).collect();
    kinds.dedup();
    if is_object && !says_content || kinds.len() > 1 {
        found.push(value);
    }
    schema
        .iter()
        .filter(|(key, _)| *key != "example" && *key != "examples")
        .for_each(|(_, value)| ambiguous_schemas(value, found));
}

#[test]
fn client_generators_understand_every_schema() {
    for name in ["customers", "control"] {
        let json = std::fs::read_to_string(format!("{FOLDER}/{name}.json")).expect("the file exists");
        let document: Value = serde_json::from_str(&json).expect("the file is JSON");
        let mut found = Vec::new();
        ambiguous_schemas(&document, &mut found);
        assert!(found.is_empty(), "openapi/{name}.yaml: {found:#?}");
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
    assert_eq!(emulator.mock.requests().count(), 0, "control requests are not in the journal");
}
