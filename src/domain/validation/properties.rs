//! Validation of properties: custom properties of a customer, and properties of an event.

use super::ObjectReader;
use crate::domain::customer::Properties;
use crate::domain::json::Json;
use crate::domain::rule::Rule;

/// The rules that an object of properties is checked against.
pub struct PropertyRules {
    pub object: &'static Rule,
    pub key: &'static Rule,
    pub null: &'static Rule,
    pub nested: &'static Rule,
}

impl ObjectReader<'_> {
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
            if key.is_empty() || key.contains(char::is_whitespace) {
                self.report(rules.key, name);
            }
            match value {
                Json::Null => self.report(rules.null, &format!("{name}.{key}")),
                Json::Array(_) | Json::Object(_) => self.report(rules.nested, &format!("{name}.{key}")),
                Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
                    properties.insert(key.to_owned(), value.clone().into());
                }
            }
        }
        properties
    }
}
