//! Requests and filters in words.

use std::sync::Arc;

use serde_json::Value;

use super::Requests;
use crate::domain::text::{pluralize, truncate, truncate_to};
use crate::world::journal::Entry;

/// The maximum length of a listed body, in characters.
const MAX_BODY_CHARS: usize = 400;

impl Requests {
    /// The filter, to follow the word "requests": ` to store `shop` with `status` 200`.
    pub(super) fn description(&self) -> String {
        let mut description = String::new();
        for (key, preposition) in [("store", "to store"), ("operation", "for")] {
            if let Some(text) = self.expected.get(key).and_then(Value::as_str) {
                description.push_str(&format!(" {preposition} `{text}`"));
            }
        }
        let mut conditions = Vec::new();
        for (key, value) in &self.expected {
            if key != "store" && key != "operation" {
                describe(key, value, &mut conditions);
            }
        }
        if !conditions.is_empty() {
            description.push_str(&format!(" with {}", conditions.join(" and ")));
        }
        if self.after > 0 {
            description.push_str(&format!(" after #{}", self.after));
        }
        description
    }
}

/// Lists the last `max` entries with their bodies, under a title that ends with the description of the filter.
pub(in crate::mock) fn list_requests(entries: &[Arc<Entry>], max: usize, description: &str) -> String {
    let skipped = entries.len().saturating_sub(max);
    let count = pluralize(entries.len() as u64, "request");
    let title = match skipped {
        0 => count,
        _ => format!("the last {max} of {count}"),
    };
    let mut list = format!("{title}{description}:");
    for entry in &entries[skipped..] {
        list.push_str("\n  ");
        list.push_str(&summarize(entry));
        let body = entry.request.body();
        if !body.is_null() {
            list.push_str("\n     ");
            list.push_str(&truncate_to(body, MAX_BODY_CHARS));
        }
    }
    list
}

/// A request in a line: `#2 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum`.
pub(super) fn summarize(entry: &Entry) -> String {
    let (number, method, path) = (entry.number, entry.method(), entry.path());
    let mut line = format!("#{number} {method} {path}");
    if let Value::Object(query) = entry.query()
        && !query.is_empty()
    {
        line.push_str(&format!(" {}", Value::Object(query)));
    }
    line.push_str(&match entry.status {
        0 => ", not answered".to_owned(),
        status => format!(", answered {status}"),
    });
    if let Some(fault) = entry.fault {
        line.push_str(&format!(" by fault {fault}"));
    }
    if !entry.rules.is_empty() {
        let rules: Vec<_> = entry.rules.iter().map(|rule| rule.id).collect();
        line.push_str(&format!(" by {}", rules.join(", ")));
    }
    line
}

/// Merges a value into a filter: objects recursively, everything else by replacement.
pub(super) fn merge(target: &mut Value, value: Value) {
    match (target, value) {
        (Value::Object(target), Value::Object(values)) => {
            for (key, value) in values {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, value) => *target = value,
    }
}

/// Adds a condition for each scalar or array of a value, with its dotted path.
fn describe(path: &str, value: &Value, conditions: &mut Vec<String>) {
    match value {
        Value::Object(values) if !values.is_empty() => {
            for (key, value) in values {
                describe(&format!("{path}.{key}"), value, conditions);
            }
        }
        Value::Null => conditions.push(format!("`{path}` absent")),
        value => conditions.push(format!("`{path}` {}", truncate(value))),
    }
}
