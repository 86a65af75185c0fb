//! Custom customer events.

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
