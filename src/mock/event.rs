//! A custom customer event, as Rust tests build and read it.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::domain::event;
use crate::domain::identifiers::Identifiers;

/// A custom customer event, to [seed](crate::Store::seed_events) a store with or as read [from it](crate::Store::events).
///
/// ```
/// use yotpo_mock::{Customer, Event, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").build()]);
/// store.seed_events([Event::builder("r-1", "item_returned").external_id("c-1").property("order_id", "1001").build()]);
/// let event = store.event("r-1").unwrap();
/// assert_eq!((event.event_type(), event.external_id()), ("item_returned", Some("c-1")));
/// ```
#[derive(Clone, PartialEq)]
pub struct Event {
    fields: Map<String, Value>,
}

/// Builds an [`Event`]. [`Store::seed_events`](crate::Store::seed_events) validates the fields.
#[derive(Clone, Debug)]
#[must_use = "it becomes an event by `build`"]
pub struct EventBuilder {
    event: Event,
}

impl Event {
    /// Builds an event with its unique id and type. It also needs an identifier of its customer.
    pub fn builder(unique_id: impl Into<String>, event_type: impl Into<String>) -> EventBuilder {
        let event = Event { fields: Map::new() };
        let builder = EventBuilder { event };
        builder.field("unique_id", unique_id.into()).field("type", event_type.into())
    }

    /// An event of a store, with the present identifiers of its customer.
    pub(super) fn from_stored(event: &event::Event, customer: &Identifiers) -> Event {
        match event.to_json(json!(customer)) {
            Value::Object(fields) => Event { fields },
            _ => unreachable!("an event is rendered as an object"),
        }
    }

    /// The id within the store: an event replaces the one with the same id.
    pub fn unique_id(&self) -> &str {
        self.text("unique_id").unwrap_or_default()
    }

    /// The JSON field `type`.
    pub fn event_type(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// The tool that sent the event.
    pub fn source(&self) -> Option<&str> {
        self.text("source")
    }

    /// When it happened. An event of a store has it in UTC, to the second, without a zone.
    pub fn timestamp(&self) -> Option<&str> {
        self.text("timestamp")
    }

    /// A property by its key.
    pub fn property(&self, key: &str) -> Option<&Value> {
        self.fields.get("properties")?.get(key)
    }

    /// The customer's external id: in an event of a store, the one that the customer has now.
    pub fn external_id(&self) -> Option<&str> {
        self.customer("external_id")
    }

    /// The customer's e-mail address.
    pub fn email(&self) -> Option<&str> {
        self.customer("email")
    }

    /// The customer's phone number.
    pub fn phone_number(&self) -> Option<&str> {
        self.customer("phone_number")
    }

    /// All fields as one JSON object.
    pub fn to_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    fn customer(&self, name: &str) -> Option<&str> {
        self.fields.get("customer")?.get(name)?.as_str()
    }
}

impl From<EventBuilder> for Event {
    fn from(builder: EventBuilder) -> Event {
        builder.build()
    }
}

/// As JSON.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

impl EventBuilder {
    /// Identifies the customer by external id.
    pub fn external_id(self, id: impl Into<String>) -> EventBuilder {
        self.nested_field("customer", "external_id".to_owned(), id.into())
    }

    /// Identifies the customer by e-mail address.
    pub fn email(self, email: impl Into<String>) -> EventBuilder {
        self.nested_field("customer", "email".to_owned(), email.into())
    }

    /// Identifies the customer by phone number.
    pub fn phone_number(self, number: impl Into<String>) -> EventBuilder {
        self.nested_field("customer", "phone_number".to_owned(), number.into())
    }

    /// The tool that sent the event.
    pub fn source(self, source: impl Into<String>) -> EventBuilder {
        self.field("source", source.into())
    }

    /// When it happened, in ISO 8601; by default the store's time when it is seeded.
    pub fn timestamp(self, timestamp: impl Into<String>) -> EventBuilder {
        self.field("timestamp", timestamp.into())
    }

    /// Sets a property to a text, a number or a boolean.
    pub fn property(self, key: impl Into<String>, value: impl Into<Value>) -> EventBuilder {
        self.nested_field("properties", key.into(), value)
    }

    /// Returns the event.
    pub fn build(self) -> Event {
        self.event
    }

    fn field(mut self, name: &str, value: impl Into<Value>) -> EventBuilder {
        self.event.fields.insert(name.to_owned(), value.into());
        self
    }

    fn nested_field(mut self, object: &str, name: String, value: impl Into<Value>) -> EventBuilder {
        self.event.fields.entry(object).or_insert_with(|| json!({}))[name] = value.into();
        self
    }
}
