//! Validation of custom customer events.
//!
//! The endpoint is the least known one, so its bodies are read the most leniently.
//!
//! Source: contract, "Custom customer event".

use chrono::{DateTime, Utc};

use super::codes::{is_short_and_not_empty, is_snake_case};
use super::properties::PropertyRules;
use super::{Diagnostics, ObjectReader, ValidationOptions};
use crate::domain::customer::Customer;
use crate::domain::event::Event;
use crate::domain::json::Json;
use crate::domain::note::Note;
use crate::domain::rejection::BrokenRule;
use crate::domain::{rule, timestamp};

/// The names under which a field is accepted, in order of precedence. The first one is canonical.
type Names = &'static [&'static str];

const SOURCE: Names = &["source", "event_source"];
const TYPE: Names = &["type", "event_type", "event_name", "name"];
const TIMESTAMP: Names = &["timestamp", "occurred_at", "event_timestamp"];
const UNIQUE_ID: Names = &["unique_id", "id", "event_id"];
const PROPERTIES: Names = &["properties", "event_properties"];
const CUSTOMER: Names = &["customer"];

/// The names of all fields of an event.
pub const FIELDS: [Names; 6] = [SOURCE, TYPE, TIMESTAMP, UNIQUE_ID, PROPERTIES, CUSTOMER];

/// Reads the body of a custom event: `{"customer_event":{…}}`, or the event itself.
///
/// Returns the event and what it writes of its customer. An event without a timestamp gets `now`.
///
/// # Errors
///
/// All broken rules.
pub fn read_event(
    body: &Json<'_>,
    options: ValidationOptions,
    now: DateTime<Utc>,
    diagnostics: &mut Diagnostics,
) -> Result<(Event, Customer), Vec<BrokenRule>> {
    let Some(body) = body.as_object() else {
        diagnostics.report(&rule::BODY_OBJECT, "the body");
        return diagnostics.finish(None);
    };
    let event = match body.get("customer_event").filter(|event| !event.is_null()) {
        Some(wrapped) => {
            for key in body.keys().filter(|key| *key != "customer_event") {
                diagnostics.note_field(Note::CustomersUnknownField, key);
            }
            wrapped.as_object()
        }
        None if FIELDS.iter().copied().flatten().any(|name| body.get(name).is_some()) => {
            diagnostics.note(Note::EventsBodyUnwrapped);
            Some(body)
        }
        None => None,
    };
    let Some(event) = event else {
        diagnostics.report(&rule::EVENT_REQUIRED, "customer_event");
        return diagnostics.finish(None);
    };
    let mut reader =
        ObjectReader { object: event, path: "customer_event", validation: options.validation, diagnostics };
    let event = reader.event(now);
    diagnostics.finish(event)
}

impl ObjectReader<'_> {
    /// The name under which a field was sent, or its canonical name.
    fn sent_name(&mut self, names: Names) -> &'static str {
        let canonical = names[0];
        let sent = names.iter().copied().find(|name| self.get(name).is_some());
        let name = sent.unwrap_or(canonical);
        if name != canonical {
            self.note_field(Note::EventsFieldAlias, name);
        }
        name
    }

    /// An event and what it writes of its customer; `None` only if a rule was reported.
    pub fn event(&mut self, now: DateTime<Utc>) -> Option<(Event, Customer)> {
        let [source, event_type, timestamp, unique_id, properties, customer] =
            FIELDS.map(|names| self.sent_name(names));
        let sent = [source, event_type, timestamp, unique_id, properties, customer];
        self.note_unknown_keys(|key| sent.contains(&key));

        for name in [source, event_type] {
            if self.get(name).and_then(Json::as_str).is_some_and(|text| !is_snake_case(text)) {
                self.note_field(Note::EventsNotSnakeCase, name);
            }
        }
        let source = self.text_if(is_short_and_not_empty, source, &rule::EVENT_SOURCE_TYPE, &rule::EVENT_SOURCE_LENGTH);
        if self.get(event_type).is_none() {
            self.report(&rule::EVENT_TYPE_REQUIRED, event_type);
        }
        let event_type =
            self.text_if(is_short_and_not_empty, event_type, &rule::EVENT_TYPE_TYPE, &rule::EVENT_TYPE_LENGTH);
        let timestamp = self
            .time(timestamp, &rule::EVENT_TIMESTAMP_TYPE, &rule::EVENT_TIMESTAMP_FORMAT)
            .unwrap_or_else(|| timestamp::render(now));
        let unique_id = self.unique_id(unique_id);
        let mut properties = self.properties(
            properties,
            &PropertyRules {
                object: &rule::EVENT_PROPERTIES_TYPE,
                key: &rule::EVENT_PROPERTIES_KEY,
                null: &rule::EVENT_PROPERTIES_NULL,
                nested: &rule::EVENT_PROPERTIES_NESTED,
                length: &rule::EVENT_PROPERTIES_LENGTH,
            },
        );
        properties.retain(|_, value| value != "");
        let customer = self.customer_of_event(customer, now);
        let event = Event { unique_id: unique_id?, event_type: event_type?, source, timestamp, properties };
        Some((event, customer?))
    }

    fn unique_id(&mut self, name: &str) -> Option<String> {
        let Some(value) = self.get(name) else {
            self.report(&rule::EVENT_UNIQUE_ID_REQUIRED, name);
            return None;
        };
        let text = value.as_str().map(str::to_owned).or_else(|| value.as_integer());
        match &text {
            None => self.report(&rule::EVENT_UNIQUE_ID_TYPE, name),
            Some(text) if !is_short_and_not_empty(text) => self.report(&rule::EVENT_UNIQUE_ID_LENGTH, name),
            Some(_) => {}
        }
        text
    }

    fn customer_of_event(&mut self, name: &str, now: DateTime<Utc>) -> Option<Customer> {
        let Some(Json::Object(object)) = self.get(name) else {
            self.report(&rule::CUSTOMER_REQUIRED, name);
            return None;
        };
        let mut reader = ObjectReader {
            object,
            path: &format!("{}.{name}", self.path),
            validation: self.validation,
            diagnostics: self.diagnostics,
        };
        // As Yotpo does: deprecations concern the customers endpoint only (contract, section 4, assumed).
        Some(reader.written_customer(false, now))
    }
}
