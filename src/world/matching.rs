//! Matching: whether something is as it was expected to be, and where it is not.
//!
//! One rule holds everywhere: objects match by subset, arrays and scalars exactly, and null means absent.

use serde_json::Value;

/// One place where what was found is not what was expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Where it stands, dotted: `body.customer.email`; empty for the whole.
    pub path: String,
    pub expected: Value,
    /// Null where there is nothing.
    pub found: Value,
}

/// Every place where what was found is not what was expected; none if it matches.
pub(crate) fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(String::new(), expected, found, &mut differences);
    differences
}

fn compare(path: String, expected: &Value, found: &Value, differences: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, expected) in expected {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(path, expected, found.get(key).unwrap_or(&Value::Null), differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(Difference {
            path,
            expected: expected.clone(),
            found: found.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_match_by_subset_arrays_and_scalars_exactly_and_null_means_absent() {
        let found = json!({"a": {"b": 1, "c": [1, {"d": 2}]}, "e": null, "f": "g"});
        for matches in [
            json!({}),
            json!({"a": {}}),
            json!({"a": {"b": 1}}),
            json!({"a": {"c": [1, {"d": 2}]}}),
            json!({"e": null, "nowhere": null, "a": {"nowhere": null}}),
            json!({"a": {"b": 1}, "f": "g"}),
        ] {
            assert_eq!(differences(&matches, &found), [], "{matches}");
        }
        for differs in [
            json!(null),
            json!([]),
            json!({"a": null}),
            json!({"a": {"b": "1"}}),
            json!({"a": {"c": [1]}}),
            json!({"a": {"c": [1, {}]}}),
            json!({"f": {}}),
            json!({"e": {}}),
            json!({"nowhere": 1}),
        ] {
            assert_eq!(differences(&differs, &found).len(), 1, "{differs}");
        }
    }

    #[test]
    fn every_difference_is_named_where_it_stands() {
        let told = differences(
            &json!({"a": {"b": 1, "c": {"d": 2}}, "e": [1]}),
            &json!({"a": {"b": 2, "c": 3}, "e": [1, 2]}),
        );
        let told: Vec<_> = told
            .iter()
            .map(|it| format!("{}: {} / {}", it.path, it.expected, it.found))
            .collect();
        assert_eq!(told, ["a.b: 1 / 2", "a.c: {\"d\":2} / 3", "e: [1] / [1,2]"]);
    }
}
