//! Comparison of an expected JSON value with a found one.
//!
//! Objects match if the found one has at least the expected keys. Arrays and scalars must be equal. Null matches an absent value.

use serde_json::Value;

/// A place where the found value does not match the expected one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// The dotted path: `body.customer.email`; empty for the whole value.
    pub path: String,
    pub expected: Value,
    /// Null if it is absent.
    pub found: Value,
}

/// All differences between two values; none if they match.
pub(crate) fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(String::new(), expected, found, &mut differences);
    differences
}

fn compare(path: String, expected: &Value, found: &Value, differences: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, expected) in expected {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(path, expected, found.get(key).unwrap_or(&Value::Null), differences);
            }
        }
        _ if is_equal(expected, found) => {}
        _ => differences.push(Difference { path, expected: expected.clone(), found: found.clone() }),
    }
}

/// Whether two values are the same JSON: `1` and `1.0` are one number.
fn is_equal(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(expected), Value::Number(found)) => {
            let is_float = expected.is_f64() || found.is_f64();
            expected == found || is_float && expected.as_f64() == found.as_f64()
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| is_equal(expected, found))
        }
        (Value::Object(expected), Value::Object(found)) => {
            let has_equal = |(key, expected)| found.get(key).is_some_and(|found| is_equal(expected, found));
            expected.len() == found.len() && expected.iter().all(has_equal)
        }
        _ => expected == found,
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
            json!({"a": {"b": 1.0, "c": [1e0, {"d": 2.0}]}}),
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
            json!({"a": {"b": 1.5}}),
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
    fn every_difference_has_its_path() {
        let found =
            differences(&json!({"a": {"b": 1, "c": {"d": 2}}, "e": [1]}), &json!({"a": {"b": 2, "c": 3}, "e": [1, 2]}));
        let texts: Vec<_> = found.iter().map(|it| format!("{}: {} / {}", it.path, it.expected, it.found)).collect();
        assert_eq!(texts, ["a.b: 1 / 2", "a.c: {\"d\":2} / 3", "e: [1] / [1,2]"]);
    }
}
