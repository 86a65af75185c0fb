//! Custom customer events.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::customer::{CustomerNumber, Properties};

/// An event of a customer, sent by a third-party tool.
///
/// Source: contract, "Custom customer event".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The id within the store: an event replaces the one with the same id.
    pub unique_id: String,
    /// The JSON field `type`, for example `order_shipped`.
    pub event_type: String,
    /// The tool that sent the event.
    pub source: Option<String>,
    /// In UTC, to the second, without a zone.
    pub timestamp: String,
    pub properties: Properties,
}

impl Event {
    /// The event as a client sends it, with JSON that identifies or writes its customer.
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

/// An event as its store holds it, with the number of its customer: rendered, and parsed only where it is read.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    customer: CustomerNumber,
    json: Arc<str>,
}

impl StoredEvent {
    pub fn new(event: &Event, customer: CustomerNumber) -> StoredEvent {
        let json = serde_json::to_string(event).expect("an event holds only texts and JSON values");
        StoredEvent { customer, json: json.into() }
    }

    /// The same event, of another customer.
    pub fn moved(&self, customer: CustomerNumber) -> StoredEvent {
        StoredEvent { customer, json: self.json.clone() }
    }

    pub fn customer(&self) -> CustomerNumber {
        self.customer
    }

    pub fn event(&self) -> Event {
        serde_json::from_str(&self.json).expect("a stored event holds what was rendered from one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_event_returns_its_event() {
        let plain = Event {
            unique_id: "r-1".to_owned(),
            event_type: "item_returned".to_owned(),
            source: None,
            timestamp: "2023-08-29T16:30:07".to_owned(),
            properties: Properties::new(),
        };
        let properties = json!({"amount": 12.5, "order \"id\"": "1001\\\u{0}é", "is_gift": true, "most": u64::MAX, "least": i64::MIN});
        let rich = Event {
            unique_id: "\"[é\u{0}".to_owned(),
            source: Some("returns_desk".to_owned()),
            properties: serde_json::from_value(properties).expect("an object"),
            ..plain.clone()
        };
        for event in [plain, rich] {
            let stored = StoredEvent::new(&event, 7);
            let moved = stored.moved(8);
            assert_eq!((stored.customer(), moved.customer()), (7, 8));
            assert_eq!((stored.event(), moved.event()), (event.clone(), event.clone()));
        }
    }
}
