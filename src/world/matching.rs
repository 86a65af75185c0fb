//! Matching: the one rule by which faults and verifications tell what they mean.
//!
//! Objects match by subset, arrays and scalars exactly; null means absent.

use serde_json::Value;

/// One place where something is not as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Where it stands, dotted from the top.
    pub path: String,
    pub expected: Value,
    /// Null where there is nothing.
    pub found: Value,
}

/// Where what was found differs from what is expected; empty if it matches.
pub(crate) fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(expected, found, "", &mut differences);
    differences
}

fn compare(expected: &Value, found: &Value, path: &str, differences: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, expected) in expected {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(expected, found.get(key).unwrap_or(&Value::Null), &path, differences);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => differences.push(Difference {
            path: path.to_owned(),
            expected: expected.clone(),
            found: found.clone(),
        }),
    }
}
