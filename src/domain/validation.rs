//! Validation of what clients write, field by field.
//!
//! Bodies are read leniently where working clients depend on it. All broken rules of a body are reported at once; their texts and
//! evidence are in the [rule book](super::rule).
//!
//! Source: contract, "The customer" and "Custom customer event", with their fine print.

mod codes;
mod customer;
mod email;
mod event;
mod identifiers;
mod iso_codes;
mod object_reader;
mod properties;
mod read_side;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identifiers::Identifiers;
use super::note::{Note, RequestNote};
use super::rejection::BrokenRule;
use super::rule::Rule;

pub use customer::read_customer;
pub use event::FIELDS as EVENT_FIELDS;
pub use event::read_event;
use object_reader::ObjectReader;
pub(crate) use read_side::{InvalidField, read_complete_customer, read_complete_event};

/// How strictly values are validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Validation {
    /// All rules apply.
    #[default]
    Strict,
    /// Enumerations, ISO codes, dates and the phone number of the address are not checked; types, identifiers, lengths and
    /// properties are.
    Lenient,
}

/// Settings of a store that decide how a body is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValidationOptions {
    pub validation: Validation,
    /// Whether writes of fields that Yotpo calls deprecated are dropped.
    pub enforce_deprecations: bool,
}

/// The broken rules and the notes of one request.
#[derive(Debug, Default)]
pub struct Diagnostics {
    pub broken_rules: Vec<BrokenRule>,
    pub notes: Vec<RequestNote>,
    /// The valid identifiers of a customer that cannot be written.
    pub identifiers: Option<Identifiers>,
}

impl Diagnostics {
    /// Adds a note, once.
    pub fn note(&mut self, note: Note) {
        self.find_or_add(note);
    }

    /// The same, for a field or a query parameter.
    pub fn note_field(&mut self, note: Note, field: &str) {
        self.find_or_add(note).add_field(field);
    }

    fn find_or_add(&mut self, note: Note) -> &mut RequestNote {
        let index = self.notes.iter().position(|known| known.note == note).unwrap_or_else(|| {
            self.notes.push(RequestNote::new(note));
            self.notes.len() - 1
        });
        &mut self.notes[index]
    }

    pub fn report(&mut self, rule: &'static Rule, path: impl Into<String>) {
        self.broken_rules.push(BrokenRule::new(rule, path));
    }

    /// The same, with the invalid value in the message.
    pub fn report_value(&mut self, rule: &'static Rule, path: impl Into<String>, value: impl Into<Value>) {
        self.broken_rules.push(BrokenRule::with_value(rule, path, &value.into()));
    }

    /// The value that was read, or all broken rules if there are any. `None` must only follow a report.
    pub(super) fn finish<T>(&mut self, value: Option<T>) -> Result<T, Vec<BrokenRule>> {
        match value {
            Some(value) if self.broken_rules.is_empty() => Ok(value),
            _ => Err(std::mem::take(&mut self.broken_rules)),
        }
    }
}
