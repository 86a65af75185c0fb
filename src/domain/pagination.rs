//! Pagination: the request for a page, and the cursor to the next one.
//!
//! Source: contract, "Retrieve customers".

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::customer::{CustomerNumber, Include};
use super::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use super::note::Note;
use super::rejection::BrokenRule;
use super::rule::{self, Rule};
use super::validation::Diagnostics;

/// The largest size of a page (documented), and the default (assumed).
pub const MAX_LIMIT: usize = 100;

/// The longest list of external ids, in bytes of JSON, so that a query with a cursor that holds it fits the 64 KiB that the
/// server accepts.
const MAX_EXTERNAL_IDS_BYTES: usize = 32_768;

/// The namespace of the cursors' checksums; any constant would do.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d5d_5d0e_3c55_5f0b_8f6c_02a5_6a9b_7c11);

const FILTERS: [&str; 3] = ["email", "phone_number", "external_ids"];

/// The parameters for optional parts of the customers.
const INCLUDES: [&str; 2] = ["include_custom_properties", "expand"];

/// The parameters that may accompany a cursor.
const BESIDE_CURSOR: [&str; 3] = ["limit", "page_info", "access_token"];

/// All parameters of a request.
pub const PARAMETERS: [&[&str]; 3] = [&FILTERS, &INCLUDES, &BESIDE_CURSOR];

/// Selects customers; all of its parts must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// A customer must have one of these. None contains a comma, so that a cursor holds them as in the query.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "comma_separated")]
    pub external_ids: Option<Vec<ExternalId>>,
}

impl Filter {
    /// Whether a customer has the email and the phone number of the filter.
    pub(super) fn matches_contact(&self, customer: &Identifiers) -> bool {
        (self.email.is_none() || self.email == customer.email)
            && (self.phone_number.is_none() || self.phone_number == customer.phone_number)
    }
}

/// A request for one page. Its JSON is part of each cursor, hence the short names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageRequest {
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    pub filter: Filter,
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub include: Include,
    /// From 1 to [`MAX_LIMIT`].
    #[serde(rename = "l")]
    pub limit: usize,
    /// The last customer of the previous page; 0 for the first page.
    #[serde(rename = "a")]
    pub after: CustomerNumber,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl PageRequest {
    /// Reads the decoded parameters of a query; of a repeated parameter the last one wins.
    ///
    /// # Errors
    ///
    /// All broken rules, the cursor's included.
    pub fn read(
        parameters: &[(String, String)],
        scope: CursorScope<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self, Vec<BrokenRule>> {
        let parameters = Parameters(parameters);
        parameters.note_other_than(&PARAMETERS, Note::QueryUnknownParameter, diagnostics);
        parameters.note_repeated(diagnostics);
        let limit = parameters.limit(diagnostics);
        let request = match parameters.get("page_info") {
            None => Some(parameters.first_page(diagnostics)),
            // As Yotpo does: its guidelines set page_info to null in the first request (documented).
            Some("" | "null") => {
                diagnostics.note(Note::CursorEmpty);
                Some(parameters.first_page(diagnostics))
            }
            Some(cursor) => parameters.next_page(cursor, scope, diagnostics),
        };
        diagnostics.finish(request.map(|request| PageRequest { limit: limit.unwrap_or(request.limit), ..request }))
    }
}

struct Parameters<'a>(&'a [(String, String)]);

impl<'a> Parameters<'a> {
    /// The last parameter with a name.
    fn get(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().rev().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The same, but reports a blank value.
    fn get_filled(&self, name: &str, rule: &'static Rule, diagnostics: &mut Diagnostics) -> Option<&'a str> {
        let value = self.get(name)?;
        if value.trim().is_empty() {
            diagnostics.report(rule, name);
            return None;
        }
        Some(value)
    }

    fn note_other_than(&self, known: &[&[&str]], note: Note, diagnostics: &mut Diagnostics) {
        let is_known = |key: &str| known.iter().any(|names| names.contains(&key));
        for (name, _) in self.0.iter().filter(|(name, _)| !is_known(name)) {
            diagnostics.note_field(note, name);
        }
    }

    fn note_repeated(&self, diagnostics: &mut Diagnostics) {
        let mut names = BTreeSet::new();
        for (name, _) in self.0.iter().filter(|(name, _)| !names.insert(name)) {
            diagnostics.note_field(Note::QueryRepeatedParameter, name);
        }
    }

    fn limit(&self, diagnostics: &mut Diagnostics) -> Option<usize> {
        let text = self.get("limit")?;
        // `parse` accepts a sign.
        let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text.parse().ok().filter(|limit| is_digits && (1..=MAX_LIMIT).contains(limit));
        if limit.is_none() {
            diagnostics.report_value(&rule::QUERY_LIMIT, "limit", text);
        }
        limit
    }

    fn first_page(&self, diagnostics: &mut Diagnostics) -> PageRequest {
        let filters: Vec<_> = FILTERS.into_iter().filter(|name| self.get(name).is_some()).collect();
        if filters.len() > 1 {
            filters.iter().for_each(|name| diagnostics.note_field(Note::QueryCombinedFilters, name));
        }
        let filter = Filter {
            email: self.email(diagnostics),
            phone_number: self.phone_number(diagnostics),
            external_ids: self.external_ids(diagnostics),
        };
        PageRequest { filter, include: self.include(diagnostics), limit: MAX_LIMIT, after: 0 }
    }

    fn email(&self, diagnostics: &mut Diagnostics) -> Option<Email> {
        let text = self.get_filled("email", &rule::QUERY_EMAIL, diagnostics)?;
        if text.trim().contains(' ') {
            diagnostics.note(Note::QuerySpaceInEmail);
        }
        Some(Email::for_lookup(text))
    }

    fn phone_number(&self, diagnostics: &mut Diagnostics) -> Option<PhoneNumber> {
        let text = self.get_filled("phone_number", &rule::QUERY_PHONE_NUMBER, diagnostics)?;
        Some(match text.strip_prefix(' ') {
            Some(digits) => {
                diagnostics.note(Note::QueryUnescapedPlus);
                PhoneNumber::for_lookup(&format!("+{digits}"))
            }
            None => PhoneNumber::for_lookup(text),
        })
    }

    fn external_ids(&self, diagnostics: &mut Diagnostics) -> Option<Vec<ExternalId>> {
        let text = self.get("external_ids")?;
        let ids = split_ids(text);
        if ids.is_empty() {
            diagnostics.report(&rule::QUERY_EXTERNAL_IDS, "external_ids");
        }
        if ids.iter().any(|id| id.as_str().starts_with(' ') || id.as_str().ends_with(' ')) {
            diagnostics.note(Note::QueryUntrimmedId);
        }
        // In JSON a control character takes six bytes.
        let json = serde_json::to_string(text).expect("a text is valid JSON");
        if json.len() - "\"\"".len() > MAX_EXTERNAL_IDS_BYTES {
            diagnostics.report(&rule::QUERY_EXTERNAL_IDS_LENGTH, "external_ids");
        }
        Some(ids)
    }

    fn include(&self, diagnostics: &mut Diagnostics) -> Include {
        let mut include = Include::default();
        match self.get("include_custom_properties") {
            None | Some("false") => {}
            Some("true") => include.custom_properties = true,
            Some(other) => diagnostics.report_value(&rule::QUERY_INCLUDE, "include_custom_properties", other),
        }
        for part in self.get("expand").unwrap_or_default().split(',').map(str::trim) {
            match part {
                "loyalty" => include.loyalty = true,
                "reviews" => include.reviews = true,
                "" => {}
                other => diagnostics.note_field(Note::QueryUnknownExpand, other),
            }
        }
        include
    }

    fn next_page(&self, cursor: &str, scope: CursorScope<'_>, diagnostics: &mut Diagnostics) -> Option<PageRequest> {
        for filter in FILTERS.into_iter().filter(|name| self.get(name).is_some()) {
            diagnostics.report(&rule::QUERY_FILTER_BESIDE_CURSOR, filter);
        }
        self.note_other_than(&[&FILTERS, &BESIDE_CURSOR], Note::CursorExtraParameters, diagnostics);
        let request = Cursor::decode(cursor, scope);
        if request.is_none() {
            let decoded = percent_decode_str(cursor).decode_utf8().ok();
            let is_encoded_twice = decoded.is_some_and(|cursor| Cursor::decode(&cursor, scope).is_some());
            let rule = if is_encoded_twice { &rule::CURSOR_ENCODED_TWICE } else { &rule::CURSOR_INVALID };
            diagnostics.report(rule, "page_info");
        }
        request
    }
}

/// External ids in a cursor, separated by commas as in the query.
mod comma_separated {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ExternalId;

    pub fn serialize<S: Serializer>(ids: &Option<Vec<ExternalId>>, serializer: S) -> Result<S::Ok, S::Error> {
        let ids = ids.as_ref().map(|ids| ids.iter().map(ExternalId::as_str).collect::<Vec<_>>().join(","));
        ids.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<ExternalId>>, D::Error> {
        let ids = Option::<String>::deserialize(deserializer)?;
        Ok(ids.map(|ids| super::split_ids(&ids)))
    }
}

fn split_ids(text: &str) -> Vec<ExternalId> {
    let ids = text.split(',').filter(|id| !id.is_empty());
    ids.map(|id| ExternalId(id.to_owned())).collect()
}

/// Where a cursor is valid: in one store, until it is reset or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorScope<'a> {
    pub store: &'a str,
    pub epoch: u64,
}

/// The payload of `next_page_info`: a page request with its scope.
///
/// It holds the number of the last customer instead of an offset, so that paging neither repeats nor skips customers.
#[derive(Serialize, Deserialize)]
pub struct Cursor<'a> {
    #[serde(rename = "s", borrow)]
    store: Cow<'a, str>,
    #[serde(rename = "e")]
    epoch: u64,
    #[serde(rename = "r")]
    request: PageRequest,
}

impl Cursor<'_> {
    const CHECKSUM_BYTES: usize = 16;

    /// Encodes the request for the next page: percent-encoded base64 of the payload and a checksum.
    pub fn encode(request: PageRequest, scope: CursorScope<'_>) -> String {
        let cursor = Cursor { store: scope.store.into(), epoch: scope.epoch, request };
        let mut bytes = serde_json::to_vec(&cursor).expect("a cursor holds only texts, numbers and booleans");
        // As Yotpo does: the text ends in `%3D` (observed). Base64 has one `=` where the length is 3n + 2.
        while (bytes.len() + Self::CHECKSUM_BYTES) % 3 != 2 {
            bytes.push(b' ');
        }
        let checksum = Uuid::new_v5(&NAMESPACE, &bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        URL_SAFE.encode(&bytes).replace('=', "%3D")
    }

    /// Decodes a cursor after its percent-encoding was removed; `None` if it was altered or is from another scope.
    pub fn decode(text: &str, scope: CursorScope<'_>) -> Option<PageRequest> {
        let bytes = URL_SAFE.decode(text).ok()?;
        let (payload, checksum) = bytes.split_at_checked(bytes.len().checked_sub(Self::CHECKSUM_BYTES)?)?;
        if Uuid::new_v5(&NAMESPACE, payload).as_bytes() != checksum {
            return None;
        }
        let cursor: Cursor<'_> = serde_json::from_slice(payload).ok()?;
        // The checksum is no secret, so a client could forge a request that no query can make.
        let is_possible = (1..=MAX_LIMIT).contains(&cursor.request.limit) && cursor.request.after < CustomerNumber::MAX;
        (is_possible && cursor.store == scope.store && cursor.epoch == scope.epoch).then_some(cursor.request)
    }
}
