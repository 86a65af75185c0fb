//! Custom customer events.

use serde_json::{Value, json};
use triomphe::ThinArc;

use super::customer::{CustomerNumber, Properties};

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

/// An event as a store keeps it, with whose it is: rendered, in one piece of memory that its clones share, and read back only where
/// somebody looks at it. A large store overrides events that no cache holds, and each piece of one would be waited for.
#[derive(Clone, Debug)]
pub struct StoredEvent(ThinArc<Head, u8>);

/// What stands before the unique id of a kept event, as it is, and all else, as an array of JSON.
#[derive(Clone, Copy, Debug)]
struct Head {
    customer: CustomerNumber,
    unique_id_bytes: usize,
}

impl StoredEvent {
    pub fn new(event: &Event, customer: CustomerNumber) -> StoredEvent {
        let mut text = Vec::with_capacity(ORDINARY_BYTES);
        text.extend_from_slice(event.unique_id.as_bytes());
        let rest = (&event.event_type, &event.source, &event.timestamp, &event.properties);
        serde_json::to_writer(&mut text, &rest)
            .expect("texts and properties can be rendered, and a Vec takes all writes");
        let head = Head {
            customer,
            unique_id_bytes: event.unique_id.len(),
        };
        StoredEvent(ThinArc::from_header_and_slice(head, &text))
    }

    /// The same event, of another customer.
    pub fn moved(&self, customer: CustomerNumber) -> StoredEvent {
        let head = Head {
            customer,
            ..self.0.header.header
        };
        StoredEvent(ThinArc::from_header_and_slice(head, &self.0.slice))
    }

    pub fn customer(&self) -> CustomerNumber {
        self.0.header.header.customer
    }

    /// Whether it is the event with a unique id. The rest is not looked at.
    pub fn is_named(&self, unique_id: &str) -> bool {
        self.parts().0 == unique_id.as_bytes()
    }

    pub fn event(&self) -> Event {
        let (unique_id, rest) = self.parts();
        let (event_type, source, timestamp, properties) = serde_json::from_slice(rest).expect(READS_BACK);
        Event {
            unique_id: std::str::from_utf8(unique_id).expect(READS_BACK).to_owned(),
            event_type,
            source,
            timestamp,
            properties,
        }
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        self.0.slice.split_at(self.0.header.header.unique_id_bytes)
    }
}

/// More than most events take when they are rendered.
const ORDINARY_BYTES: usize = 512;

const READS_BACK: &str = "a kept event holds what was rendered from one";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_given_back_as_it_was_kept() {
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
            let kept = StoredEvent::new(&event, 7);
            let moved = kept.moved(8);
            assert_eq!((kept.customer(), moved.customer()), (7, 8));
            assert_eq!((kept.event(), moved.event()), (event.clone(), event.clone()));
            assert!(moved.is_named(&event.unique_id) && !moved.is_named("r") && !moved.is_named("r-12"));
        }
    }
}
