//! Notes: uncertain or tolerated behaviour on which an accepted request depends.
//!
//! The response stays Yotpo's; the header `X-Yotpo-Mock-Note` and the report list the notes. Their texts are constant and in ASCII.
//!
//! Source: contract, "The notes, all of them".

use serde_json::{Value, json};

use super::text::truncate;

/// The kind of risk that a note stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grade {
    /// Yotpo's behaviour is not known; the emulator's is an assumption.
    Assumed,
    /// Yotpo announced its removal.
    Deprecated,
    /// Yotpo's documentation forbids it, yet working clients do it.
    Tolerated,
    /// A value of another type than the documented one was accepted.
    Coerced,
}

impl Grade {
    /// All grades.
    pub const ALL: [Grade; 4] = [Grade::Assumed, Grade::Deprecated, Grade::Tolerated, Grade::Coerced];

    /// The name in reports: `assumed`, `deprecated`, `tolerated` or `coerced`.
    pub fn as_str(self) -> &'static str {
        match self {
            Grade::Assumed => "assumed",
            Grade::Deprecated => "deprecated",
            Grade::Tolerated => "tolerated",
            Grade::Coerced => "coerced",
        }
    }
}

macro_rules! notes {
    ($($variant:ident = $id:literal, $grade:ident, $words:literal;)*) => {
        /// Uncertain or tolerated behaviour on which an accepted request depends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Note {
            $(
                #[doc = concat!("`", $id, "`: ", $words, ".")]
                $variant,
            )*
        }

        impl Note {
            /// All notes.
            pub const ALL: &[Note] = &[$(Note::$variant),*];

            /// The stable id, in lower case with dots: `events.endpoint`.
            pub fn id(self) -> &'static str {
                match self { $(Note::$variant => $id),* }
            }

            /// The kind of risk.
            pub fn grade(self) -> Grade {
                match self { $(Note::$variant => Grade::$grade),* }
            }

            /// The text, one line of ASCII.
            pub fn words(self) -> &'static str {
                match self { $(Note::$variant => $words),* }
            }
        }
    };
}

/// The number of fields that a note on one request lists.
pub(crate) const MAX_FIELDS: usize = 20;

/// A note on one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestNote {
    /// The note.
    pub note: Note,
    /// The fields or query parameters that it is about, the first 20: `customer.nickname`. Empty if the note names them itself.
    pub fields: Vec<String>,
}

impl RequestNote {
    pub(crate) fn new(note: Note) -> RequestNote {
        RequestNote { note, fields: Vec::new() }
    }

    pub(crate) fn add_field(&mut self, field: &str) {
        if self.fields.len() < MAX_FIELDS && !self.fields.iter().any(|known| known == field) {
            self.fields.push(truncate(field));
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "id": self.note.id(), "fields": self.fields })
    }
}

notes! {
    TokenUndeclared = "token.undeclared", Assumed, "a token that nobody issued was accepted because this store is not declared";
    EventsEndpoint = "events.endpoint", Deprecated, "Yotpo marks this endpoint deprecated; its path and field names come from one second-hand source";
    EventsNotSnakeCase = "events.not_snake_case", Tolerated, "Yotpo requires snake_case in source and type";
    EventsBodyUnwrapped = "events.body_unwrapped", Assumed, "the event was not inside customer_event";
    EventsMethodPost = "events.method_post", Assumed, "POST was treated as PATCH";
    EventsFieldAlias = "events.field_alias", Assumed, "a field was accepted under another plausible name";
    CustomersPhoneNumber = "customers.phone_number", Deprecated, "Yotpo says phone_number can no longer be set here; with deprecations enforced it only identifies the customer";
    CustomersCustomProperties = "customers.custom_properties", Deprecated, "Yotpo says custom_properties can no longer be set here; with deprecations enforced they are ignored";
    CustomersReadOnlyField = "customers.read_only_field", Tolerated, "a read-only field was sent and ignored";
    CustomersUnknownField = "customers.unknown_field", Tolerated, "an unknown field was sent and ignored";
    CustomersCoerced = "customers.coerced", Coerced, "a number as external_id or a string as boolean was accepted";
    CursorExtraParameters = "cursor.extra_parameters", Tolerated, "Yotpo forbids parameters beside page_info; they were ignored";
    CursorEmpty = "cursor.empty", Tolerated, "an empty page_info was read as a request for the first page";
    QueryRepeatedParameter = "query.repeated_parameter", Assumed, "a parameter was sent twice and its last value counts";
    QueryUntrimmedId = "query.untrimmed_id", Assumed, "an id in external_ids begins or ends with a space and is not trimmed";
    QuerySpaceInEmail = "query.space_in_email", Assumed, "an email with a space inside finds nothing; send a plus as %2B";
    QueryUnknownExpand = "query.unknown_expand", Assumed, "an unknown value of expand was ignored; the known ones are loyalty and reviews";
    QueryUnknownParameter = "query.unknown_parameter", Assumed, "an unknown parameter was ignored; openapi/customers.yaml lists the known ones";
    QueryCombinedFilters = "query.combined_filters", Assumed, "several filters were combined with AND";
    BodyOnGet = "body.on_get", Tolerated, "the body of a GET was ignored";
    QueryUnescapedPlus = "query.unescaped_plus", Tolerated, "an unescaped plus arrived as a space and was read as a plus; send %2B";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_a_header() {
        for note in Note::ALL {
            assert!(note.words().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{note:?}");
            // Clients join headers of the same name with a comma, and must be able to split them again.
            assert!(!note.words().contains(','), "{note:?}");
        }
    }
}
