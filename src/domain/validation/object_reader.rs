//! Reading the fields of one JSON object.

use super::codes::is_short;
use super::{Diagnostics, Validation};
use crate::domain::customer::Customer;
use crate::domain::json::{Json, Object};
use crate::domain::note::Note;
use crate::domain::rule::Rule;
use crate::domain::timestamp;

/// Reads the fields of one JSON object and reports the rules that they break.
///
/// Each method reads the field `name`, and returns `None` if it is missing, null or of the wrong type.
pub struct ObjectReader<'a> {
    pub object: &'a Object<'a>,
    /// Precedes the names of fields in messages.
    pub path: &'a str,
    pub validation: Validation,
    pub diagnostics: &'a mut Diagnostics,
}

impl<'a> ObjectReader<'a> {
    pub fn get(&self, name: &str) -> Option<&'a Json<'a>> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Reports that a field breaks a rule, with its value if it has one.
    pub fn report(&mut self, rule: &'static Rule, name: &str) {
        let path = format!("{}.{name}", self.path);
        match self.get(name) {
            Some(value) => self.diagnostics.report_value(rule, path, value.clone()),
            None => self.diagnostics.report(rule, path),
        }
    }

    pub fn note_field(&mut self, note: Note, name: &str) {
        self.diagnostics.note_field(note, &format!("{}.{name}", self.path));
    }

    /// Adds a note for the keys that are not known. Read-only fields of a customer have a note of their own.
    pub fn note_unknown_keys(&mut self, is_known: impl Fn(&str) -> bool) {
        for key in self.object.keys().filter(|key| !is_known(key)) {
            let is_read_only = Customer::field(key).is_some_and(|field| !field.is_writable());
            let note = if is_read_only { Note::CustomersReadOnlyField } else { Note::CustomersUnknownField };
            self.note_field(note, key);
        }
    }

    pub fn text(&mut self, name: &str, type_rule: &'static Rule) -> Option<String> {
        let text = self.get(name)?.as_str();
        if text.is_none() {
            self.report(type_rule, name);
        }
        text.map(str::to_owned)
    }

    /// A text of at most 255 characters.
    pub fn short_text(&mut self, name: &str, type_rule: &'static Rule, length: &'static Rule) -> Option<String> {
        self.text_if(is_short, name, type_rule, length)
    }

    pub fn text_if(
        &mut self,
        is_valid: impl FnOnce(&str) -> bool,
        name: &str,
        type_rule: &'static Rule,
        rule: &'static Rule,
    ) -> Option<String> {
        let text = self.text(name, type_rule)?;
        if !is_valid(&text) {
            self.report(rule, name);
        }
        Some(text)
    }

    /// A text of an enumeration or a table of codes, which lenient validation does not check.
    pub fn code(
        &mut self,
        name: &str,
        is_code: fn(&str) -> bool,
        type_rule: &'static Rule,
        rule: &'static Rule,
    ) -> Option<String> {
        let is_lenient = self.validation == Validation::Lenient;
        self.text_if(|text| is_lenient || is_code(text), name, type_rule, rule)
    }

    /// A time in the form that Yotpo returns. Lenient validation keeps any other text as it is.
    pub fn time(&mut self, name: &str, type_rule: &'static Rule, format: &'static Rule) -> Option<String> {
        let text = self.text(name, type_rule)?;
        match timestamp::parse(&text) {
            Some(time) => Some(timestamp::render(time)),
            None if self.validation == Validation::Lenient => Some(text),
            None => {
                self.report(format, name);
                None
            }
        }
    }

    pub fn boolean(&mut self, name: &str, type_rule: &'static Rule) -> Option<bool> {
        match self.get(name)? {
            Json::Bool(value) => Some(*value),
            Json::Text(text) if text == "true" || text == "false" => {
                self.note_field(Note::CustomersCoerced, name);
                Some(text == "true")
            }
            _ => {
                self.report(type_rule, name);
                None
            }
        }
    }
}
