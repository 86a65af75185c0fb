//! Custom customer events.

use serde_json::{Value, json};

use super::customer::Properties;

/// Something that a third-party tool says has happened to a customer.
///
/// Source: contract, "Custom customer event".
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Names the event in its store: a second one with the same id overrides the first.
    pub unique_id: String,
    /// What happened, for example `order_shipped`.
    pub event_type: String,
    /// The tool that says so.
    pub source: Option<String>,
    /// UTC, to the second, without a zone.
    pub timestamp: String,
    pub properties: Properties,
}

impl Event {
    /// The event as a client might send it, of the customer that is given.
    pub fn to_json(&self, customer: Value) -> Value {
        json!({
            "unique_id": self.unique_id,
            "type": self.event_type,
            "source": self.source,
            "timestamp": self.timestamp,
            "properties": self.properties,
            "customer": customer,
        })
    }
}
