//! A custom customer event as a Rust test says and sees it.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::domain::event::Event as StoredEvent;
use crate::domain::identifiers::Identifiers;

/// A custom customer event: what a store is [seeded](crate::Store::seed_events) with, and what it is found to hold.
///
/// ```
/// use yotpo_mock::{Customer, Event, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").build()]);
/// store.seed_events([Event::builder("r-1", "item_returned").external_id("c-1").property("order_id", "1001").build()]);
///
/// let event = store.event("r-1").unwrap();
/// assert_eq!((event.event_type(), event.external_id()), ("item_returned", Some("c-1")));
/// ```
#[derive(Clone, PartialEq)]
pub struct Event {
    fields: Map<String, Value>,
}

/// An event that is being put together. What a field may be is looked at by
/// [`Store::seed_events`](crate::Store::seed_events).
///
/// ```
/// let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
/// assert_eq!(event.unique_id(), "r-1");
/// ```
#[derive(Clone, Debug)]
#[must_use = "it becomes an event by `build`"]
pub struct EventBuilder {
    event: Event,
}

impl Event {
    /// Begins an event with what names it in its store, and its type. It needs a customer's name, too.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").email("ann@example.com").build();
    /// assert_eq!(event.email(), Some("ann@example.com"));
    /// ```
    pub fn builder(unique_id: impl Into<String>, event_type: impl Into<String>) -> EventBuilder {
        let event = Event { fields: Map::new() };
        let builder = EventBuilder { event };
        builder
            .field("unique_id", unique_id.into())
            .field("type", event_type.into())
    }

    /// An event of a store, and what names its customer now.
    pub(super) fn of(event: &StoredEvent, customer: &Identifiers) -> Event {
        match event.to_json(json!(customer)) {
            Value::Object(fields) => Event { fields },
            _ => unreachable!("an event is told as an object"),
        }
    }

    /// What names the event in its store: a second one with the same id overrides the first.
    ///
    /// ```
    /// # let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
    /// assert_eq!(event.unique_id(), "r-1");
    /// ```
    pub fn unique_id(&self) -> &str {
        self.text("unique_id").unwrap_or_default()
    }

    /// What happened.
    ///
    /// ```
    /// # let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
    /// assert_eq!(event.event_type(), "item_returned");
    /// ```
    pub fn event_type(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// The tool that says so.
    ///
    /// ```
    /// # let builder = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1");
    /// assert_eq!(builder.source("returns_desk").build().source(), Some("returns_desk"));
    /// ```
    pub fn source(&self) -> Option<&str> {
        self.text("source")
    }

    /// When it happened; a store gives it in UTC, to the second, without a zone. `None` only for an event from a builder: in a
    /// store the time of the call stands in for it.
    ///
    /// ```
    /// # let builder = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1");
    /// assert_eq!(builder.timestamp("2026-01-01T00:00:00Z").build().timestamp(), Some("2026-01-01T00:00:00Z"));
    /// ```
    pub fn timestamp(&self) -> Option<&str> {
        self.text("timestamp")
    }

    /// A property by its key.
    ///
    /// ```
    /// # let builder = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1");
    /// assert_eq!(builder.property("order_id", "1001").build().property("order_id").unwrap(), "1001");
    /// ```
    pub fn property(&self, key: &str) -> Option<&Value> {
        self.fields.get("properties")?.get(key)
    }

    /// The external id of the customer that it is of: the one that customer has now.
    ///
    /// ```
    /// # let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
    /// assert_eq!(event.external_id(), Some("c-1"));
    /// ```
    pub fn external_id(&self) -> Option<&str> {
        self.customer("external_id")
    }

    /// The e-mail address of the customer that it is of.
    ///
    /// ```
    /// # let event = yotpo_mock::Event::builder("r-1", "item_returned").email("ann@example.com").build();
    /// assert_eq!(event.email(), Some("ann@example.com"));
    /// ```
    pub fn email(&self) -> Option<&str> {
        self.customer("email")
    }

    /// The phone number of the customer that it is of.
    ///
    /// ```
    /// # let event = yotpo_mock::Event::builder("r-1", "item_returned").phone_number("+14155552671").build();
    /// assert_eq!(event.phone_number(), Some("+14155552671"));
    /// ```
    pub fn phone_number(&self) -> Option<&str> {
        self.customer("phone_number")
    }

    /// All fields as one JSON object.
    ///
    /// ```
    /// # use serde_json::json;
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
    /// let json = json!({"unique_id": "r-1", "type": "item_returned", "customer": {"external_id": "c-1"}});
    /// assert_eq!(event.to_json(), json);
    /// ```
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

/// What [`EventBuilder::build`] gives.
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
    /// Names the customer by the shop's own id.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
    /// assert_eq!(event.external_id(), Some("c-1"));
    /// ```
    pub fn external_id(self, id: impl Into<String>) -> EventBuilder {
        self.within("customer", "external_id".to_owned(), id.into())
    }

    /// Names the customer by e-mail address.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").email("ann@example.com").build();
    /// assert_eq!(event.email(), Some("ann@example.com"));
    /// ```
    pub fn email(self, email: impl Into<String>) -> EventBuilder {
        self.within("customer", "email".to_owned(), email.into())
    }

    /// Names the customer by phone number.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").phone_number("+14155552671").build();
    /// assert_eq!(event.phone_number(), Some("+14155552671"));
    /// ```
    pub fn phone_number(self, number: impl Into<String>) -> EventBuilder {
        self.within("customer", "phone_number".to_owned(), number.into())
    }

    /// The tool that says so.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").source("returns_desk").build();
    /// assert_eq!(event.source(), Some("returns_desk"));
    /// ```
    pub fn source(self, source: impl Into<String>) -> EventBuilder {
        self.field("source", source.into())
    }

    /// When it happened: ISO 8601. Unless told, the time of the store at the seeding.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").timestamp("2026-01-01T00:00:00Z").build();
    /// assert_eq!(event.timestamp(), Some("2026-01-01T00:00:00Z"));
    /// ```
    pub fn timestamp(self, timestamp: impl Into<String>) -> EventBuilder {
        self.field("timestamp", timestamp.into())
    }

    /// Sets a property: a text, a number or a boolean.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").property("items", 2).build();
    /// assert_eq!(event.property("items").unwrap(), 2);
    /// ```
    pub fn property(self, key: impl Into<String>, value: impl Into<Value>) -> EventBuilder {
        self.within("properties", key.into(), value)
    }

    /// The event.
    ///
    /// ```
    /// let event = yotpo_mock::Event::builder("r-1", "item_returned").external_id("c-1").build();
    /// assert_eq!(event.unique_id(), "r-1");
    /// ```
    pub fn build(self) -> Event {
        self.event
    }

    fn field(mut self, name: &str, value: impl Into<Value>) -> EventBuilder {
        self.event.fields.insert(name.to_owned(), value.into());
        self
    }

    fn within(mut self, name: &str, key: String, value: impl Into<Value>) -> EventBuilder {
        let object = self
            .event
            .fields
            .entry(name)
            .or_insert_with(|| Value::Object(Map::new()));
        object[key] = value.into();
        self
    }
}
