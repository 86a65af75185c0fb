//! Validation of custom customer events.
//!
//! Source: contract, "Custom customer event". The endpoint is the least known of all, so it is read the most leniently.

use chrono::{DateTime, Utc};

use super::{Diagnostics, Fields, PropertyRules, ValidationOptions, is_name, whole_number};
use crate::domain::customer::Customer;
use crate::domain::event::Event;
use crate::domain::json::Json;
use crate::domain::note::Note;
use crate::domain::rejection::Rejection;
use crate::domain::{rule, timestamp};

/// An event's fields under their canonical names.
pub(crate) const EVENT_FIELDS: [&str; 6] = ["source", "type", "timestamp", "unique_id", "properties", "customer"];

/// The names of an event's fields: the canonical one first, then the other plausible ones in the order they are tried.
const EVENT_SOURCE: [&str; 2] = ["source", "event_source"];
const EVENT_TYPE: [&str; 4] = ["type", "event_type", "event_name", "name"];
const EVENT_TIMESTAMP: [&str; 3] = ["timestamp", "occurred_at", "event_timestamp"];
const EVENT_UNIQUE_ID: [&str; 3] = ["unique_id", "id", "event_id"];
const EVENT_PROPERTIES: [&str; 2] = ["properties", "event_properties"];
const EVENT_CUSTOMER: [&str; 1] = ["customer"];

/// Reads the body of a custom event: `{"customer_event":{…}}`, or the event bare, under any of its plausible names.
///
/// Gives the event and what it says of its customer. The time of the call, `now`, stands in for an absent timestamp.
///
/// # Errors
///
/// [`Rejection::Invalid`] with one entry per broken rule.
pub fn read_event(
    body: &Json<'_>,
    terms: ValidationOptions,
    now: DateTime<Utc>,
    diagnostics: &mut Diagnostics,
) -> Result<(Event, Customer), Rejection> {
    let Some(body) = body.as_object() else {
        diagnostics.broken(&rule::BODY_OBJECT, "the body");
        return diagnostics.accept(None);
    };
    let event = match body.get("customer_event").filter(|event| !event.is_null()) {
        Some(wrapped) => {
            if body.len() > 1 {
                diagnostics.note(Note::CustomersUnknownField);
            }
            wrapped.as_object()
        }
        None if event_fields().any(|name| body.get(name).is_some()) => {
            diagnostics.note(Note::EventsBodyUnwrapped);
            Some(body)
        }
        None => None,
    };
    let Some(event) = event else {
        diagnostics.broken(&rule::EVENT_REQUIRED, "customer_event");
        return diagnostics.accept(None);
    };
    let read = Fields {
        object: event,
        path: "customer_event",
        validation: terms.validation,
        diagnostics,
    }
    .event(now);
    diagnostics.accept(read)
}

fn event_fields() -> impl Iterator<Item = &'static str> {
    let names: [&[&'static str]; 6] = [
        &EVENT_SOURCE,
        &EVENT_TYPE,
        &EVENT_TIMESTAMP,
        &EVENT_UNIQUE_ID,
        &EVENT_PROPERTIES,
        &EVENT_CUSTOMER,
    ];
    names.into_iter().flatten().copied()
}

impl Fields<'_> {
    /// The name under which a field was sent: the canonical one wins over the others, then their order.
    fn name_sent(&mut self, names: &'static [&'static str]) -> &'static str {
        let canonical = names[0];
        let name = names
            .iter()
            .copied()
            .find(|name| self.sent(name).is_some())
            .unwrap_or(canonical);
        if name != canonical {
            self.diagnostics.note(Note::EventsFieldAlias);
        }
        name
    }

    /// An event and what it says of its customer; `None` only if a rule was found broken.
    pub fn event(&mut self, now: DateTime<Utc>) -> Option<(Event, Customer)> {
        let source = self.name_sent(&EVENT_SOURCE);
        let event_type = self.name_sent(&EVENT_TYPE);
        let timestamp = self.name_sent(&EVENT_TIMESTAMP);
        let unique_id = self.name_sent(&EVENT_UNIQUE_ID);
        let properties = self.name_sent(&EVENT_PROPERTIES);
        self.note_keys_outside(&[source, event_type, timestamp, unique_id, properties, "customer"]);

        let source = self.text_that(source, &rule::EVENT_SOURCE_TYPE, &rule::EVENT_SOURCE_LENGTH, is_name);
        if self.sent(event_type).is_none() {
            self.broken(&rule::EVENT_TYPE_REQUIRED, event_type);
        }
        let event_type = self.text_that(event_type, &rule::EVENT_TYPE_TYPE, &rule::EVENT_TYPE_LENGTH, is_name);
        if [&source, &event_type]
            .into_iter()
            .flatten()
            .any(|text| !is_snake_case(text))
        {
            self.diagnostics.note(Note::EventsNotSnakeCase);
        }
        let timestamp = self
            .time(timestamp, &rule::EVENT_TIMESTAMP_TYPE, &rule::EVENT_TIMESTAMP_FORMAT)
            .unwrap_or_else(|| timestamp::render(now));
        let unique_id = self.unique_id(unique_id);
        let properties = self.properties(
            properties,
            &PropertyRules {
                object: &rule::EVENT_PROPERTIES_TYPE,
                key: &rule::EVENT_PROPERTIES_KEY,
                null: &rule::EVENT_PROPERTIES_NULL,
                nested: &rule::EVENT_PROPERTIES_NESTED,
            },
        );
        let customer = match self.sent("customer") {
            Some(Json::Object(object)) => {
                let path = format!("{}.customer", self.path);
                let mut fields = Fields {
                    object,
                    path: &path,
                    validation: self.validation,
                    diagnostics: self.diagnostics,
                };
                // As the vendor does: deprecations concern the customers endpoint only (contract, section 4, assumed).
                Some(fields.written_customer(false, now))
            }
            _ => {
                self.broken(&rule::CUSTOMER_REQUIRED, "customer");
                None
            }
        };
        Some((
            Event {
                unique_id: unique_id?,
                event_type: event_type?,
                source,
                timestamp,
                properties,
            },
            customer?,
        ))
    }

    fn unique_id(&mut self, name: &str) -> Option<String> {
        let Some(value) = self.sent(name) else {
            self.broken(&rule::EVENT_UNIQUE_ID_REQUIRED, name);
            return None;
        };
        let text = value.as_str().map(str::to_owned).or_else(|| whole_number(value));
        match &text {
            None => self.broken(&rule::EVENT_UNIQUE_ID_TYPE, name),
            Some(text) if !is_name(text) => self.broken(&rule::EVENT_UNIQUE_ID_LENGTH, name),
            Some(_) => {}
        }
        text
    }
}

/// `^[a-z0-9]+(_[a-z0-9]+)*$`
fn is_snake_case(text: &str) -> bool {
    text.split('_').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_has_no_empty_word() {
        assert!(is_snake_case("order_shipped") && is_snake_case("v2"));
        for bad in [
            "",
            "_",
            "order__shipped",
            "OrderShipped",
            "order-shipped",
            "_order",
            "größe",
        ] {
            assert!(!is_snake_case(bad), "{bad}");
        }
    }
}
