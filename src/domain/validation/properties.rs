//! Validation of properties: custom properties of a customer, and properties of an event.

use serde_json::Value;

use super::ObjectReader;
use super::codes::{is_property_key, is_short};
use crate::domain::customer::Properties;
use crate::domain::json::Json;
use crate::domain::rule::Rule;
use crate::domain::text::truncate;

/// The rules that an object of properties is checked against.
pub struct PropertyRules {
    pub object: &'static Rule,
    pub key: &'static Rule,
    pub null: &'static Rule,
    pub nested: &'static Rule,
    pub length: &'static Rule,
}

impl ObjectReader<'_> {
    /// The properties of an object. An empty text is kept: it removes the property, once the write is applied.
    pub fn properties(&mut self, name: &str, rules: &PropertyRules) -> Properties {
        let object = match self.get(name) {
            None => return Properties::new(),
            Some(Json::Object(object)) => object,
            Some(_) => {
                self.report(rules.object, name);
                return Properties::new();
            }
        };
        let mut properties = Properties::new();
        for (key, value) in object.sorted() {
            let path = format!("{}.{name}{}", self.path, subscript(key));
            if !is_property_key(key) {
                self.diagnostics.report(rules.key, &*path);
            }
            match value {
                Json::Null => self.diagnostics.report(rules.null, path),
                Json::Array(_) | Json::Object(_) => {
                    self.diagnostics.report_value(rules.nested, path, value.clone());
                }
                Json::Text(text) if !is_short(text) => self.diagnostics.report_value(rules.length, path, &**text),
                Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
                    properties.insert(key.to_owned(), value.clone().into());
                }
            }
        }
        properties
    }
}

/// A key as it follows the path of its object: `.shoe_size`, or `["Shoe size"]`.
fn subscript(key: &str) -> String {
    if is_property_key(key) { format!(".{key}") } else { format!("[{}]", truncate(Value::from(key))) }
}
