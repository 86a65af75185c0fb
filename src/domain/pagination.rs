//! Pagination: what a client asks of a page, and the cursor that remembers it.
//!
//! Source: contract, "Retrieve customers".

use std::borrow::Cow;

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

/// The largest page, and the one that is given where the client does not say (the latter is assumed).
pub const MAX_LIMIT: usize = 100;

/// The longest list of external ids, in bytes as a cursor holds it: with such a cursor a query still fits into the 64 KiB that
/// HTTP takes here.
const MAX_EXTERNAL_IDS_BYTES: usize = 32_768;

/// What the checksum of a cursor is derived under; any constant would do.
const NAMESPACE: Uuid = Uuid::from_u128(0x8d5d_5d0e_3c55_5f0b_8f6c_02a5_6a9b_7c11);

/// The parameters that narrow a search.
const FILTERS: [&str; 3] = ["email", "phone_number", "external_ids"];

/// The parameters that ask for more of each customer.
const INCLUDES: [&str; 2] = ["include_custom_properties", "expand"];

/// Which customers are meant; several filters narrow each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// Any of these; unknown ones are just missing. None holds a comma, so that a cursor holds them as they came.
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

/// One page as a client asks for it. Its names in JSON are those in a cursor: short, since each page carries one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageRequest {
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    pub filter: Filter,
    #[serde(rename = "i", default, skip_serializing_if = "is_default")]
    pub include: Include,
    /// From 1 to [`MAX_LIMIT`].
    #[serde(rename = "l")]
    pub limit: usize,
    /// The customer that the page before ended with; 0 for the first page.
    #[serde(rename = "a")]
    pub after: CustomerNumber,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl PageRequest {
    /// Reads the decoded parameters of a query, in their order; of a repeated one the last wins.
    ///
    /// # Errors
    ///
    /// All broken rules, the cursor's included.
    pub fn read(
        parameters: &[(String, String)],
        at: CursorScope<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self, Vec<BrokenRule>> {
        let parameters = Parameters(parameters);
        if parameters.unknown().next().is_some() {
            diagnostics.note(Note::QueryUnknownParameter);
        }
        let limit = parameters.limit(diagnostics);
        let request = match parameters.get("page_info") {
            None => Some(parameters.first_page(diagnostics)),
            Some(cursor) => {
                if parameters.any_beside_a_cursor() {
                    diagnostics.note(Note::CursorExtraParameters);
                }
                parameters.page_after(cursor, at, diagnostics)
            }
        };
        diagnostics.finish(request.map(|request| PageRequest {
            limit: limit.unwrap_or(request.limit),
            ..request
        }))
    }
}

struct Parameters<'a>(&'a [(String, String)]);

impl<'a> Parameters<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that must not be empty if it is there.
    fn get_filled(&self, name: &str, rule: &'static Rule, diagnostics: &mut Diagnostics) -> Option<&'a str> {
        let value = self.get(name)?;
        if value.trim().is_empty() {
            diagnostics.report(rule, name);
            return None;
        }
        Some(value)
    }

    fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let known = |key: &str| {
            FILTERS.contains(&key) || INCLUDES.contains(&key) || ["limit", "page_info", "access_token"].contains(&key)
        };
        self.0
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(move |key| !known(key))
    }

    fn any_beside_a_cursor(&self) -> bool {
        self.0
            .iter()
            .any(|(key, _)| !["limit", "page_info", "access_token"].contains(&key.as_str()))
    }

    fn limit(&self, diagnostics: &mut Diagnostics) -> Option<usize> {
        let text = self.get("limit")?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text
            .parse()
            .ok()
            .filter(|limit| digits && (1..=MAX_LIMIT).contains(limit));
        if limit.is_none() {
            diagnostics.report(&rule::QUERY_LIMIT, "limit");
        }
        limit
    }

    fn first_page(&self, diagnostics: &mut Diagnostics) -> PageRequest {
        if FILTERS.iter().filter(|name| self.get(name).is_some()).count() > 1 {
            diagnostics.note(Note::QueryCombinedFilters);
        }
        let filter = Filter {
            email: self
                .get_filled("email", &rule::QUERY_EMAIL, diagnostics)
                .map(Email::for_lookup),
            phone_number: self.phone_number(diagnostics),
            external_ids: self.external_ids(diagnostics),
        };
        PageRequest {
            filter,
            include: self.include(diagnostics),
            limit: MAX_LIMIT,
            after: 0,
        }
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
        let ids = external_ids(text);
        if ids.is_empty() {
            diagnostics.report(&rule::QUERY_EXTERNAL_IDS, "external_ids");
        }
        // A control character is six bytes there.
        let held = serde_json::to_string(text).expect("a text is JSON");
        if held.len() - "\"\"".len() > MAX_EXTERNAL_IDS_BYTES {
            diagnostics.report(&rule::QUERY_EXTERNAL_IDS_LENGTH, "external_ids");
        }
        Some(ids)
    }

    fn include(&self, diagnostics: &mut Diagnostics) -> Include {
        let mut include = Include::default();
        match self.get("include_custom_properties") {
            None | Some("false") => {}
            Some("true") => include.custom_properties = true,
            Some(_) => diagnostics.report(&rule::QUERY_INCLUDE, "include_custom_properties"),
        }
        for part in self
            .get("expand")
            .into_iter()
            .flat_map(|list| list.split(','))
            .map(str::trim)
        {
            match part {
                "loyalty" => include.loyalty = true,
                "reviews" => include.reviews = true,
                "" => {}
                _ => diagnostics.note(Note::QueryUnknownExpand),
            }
        }
        include
    }

    fn page_after(&self, cursor: &str, at: CursorScope<'_>, diagnostics: &mut Diagnostics) -> Option<PageRequest> {
        self.get_filled("page_info", &rule::QUERY_PAGE_INFO, diagnostics)?;
        let request = Cursor::decode(cursor, at);
        if request.is_none() {
            diagnostics.report(&rule::CURSOR_INVALID, "page_info");
        }
        request
    }
}

/// External ids in a cursor: as short as in the query.
mod comma_separated {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ExternalId;

    pub fn serialize<S: Serializer>(ids: &Option<Vec<ExternalId>>, serializer: S) -> Result<S::Ok, S::Error> {
        let ids = ids
            .as_ref()
            .map(|ids| ids.iter().map(ExternalId::as_str).collect::<Vec<_>>().join(","));
        ids.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<ExternalId>>, D::Error> {
        let ids = Option::<String>::deserialize(deserializer)?;
        Ok(ids.map(|ids| super::external_ids(&ids)))
    }
}

/// The ids of a comma-separated list.
fn external_ids(text: &str) -> Vec<ExternalId> {
    let ids = text.split(',').filter(|id| !id.is_empty());
    ids.map(|id| ExternalId(id.to_owned())).collect()
}

/// Where and when a cursor holds: one store, from one reset to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorScope<'a> {
    pub store: &'a str,
    pub epoch: u64,
}

/// The text that leads to the next page: percent-encoded base64 of what was asked, where it was and a checksum.
///
/// It holds the creation number last seen and never an offset, so that paging neither repeats nor skips.
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

    /// Writes a cursor: letters, digits, `-` and `_`, and `%3D` at the end, always.
    pub fn encode(request: PageRequest, at: CursorScope<'_>) -> String {
        let cursor = Cursor {
            store: at.store.into(),
            epoch: at.epoch,
            request,
        };
        let mut bytes = serde_json::to_vec(&cursor).expect("a cursor is texts and numbers");
        // As the vendor does: the text ends in one `=`, percent-encoded (observed), which takes a length of 3n + 2.
        while (bytes.len() + Self::CHECKSUM_BYTES) % 3 != 2 {
            bytes.push(b' ');
        }
        let checksum = Uuid::new_v5(&NAMESPACE, &bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        URL_SAFE.encode(&bytes).replace('=', "%3D")
    }

    /// Reads a cursor as it came or once decoded; `None` where it is altered, foreign or from before a reset.
    pub fn decode(text: &str, at: CursorScope<'_>) -> Option<PageRequest> {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        let bytes = URL_SAFE.decode(text.as_bytes()).ok()?;
        let (payload, checksum) = bytes.split_at_checked(bytes.len().checked_sub(Self::CHECKSUM_BYTES)?)?;
        if Uuid::new_v5(&NAMESPACE, payload).as_bytes() != checksum {
            return None;
        }
        let cursor: Cursor<'_> = serde_json::from_slice(payload).ok()?;
        // The checksum is no secret: whoever makes one of their own must not ask for what no query could.
        let is_possible = (1..=MAX_LIMIT).contains(&cursor.request.limit) && cursor.request.after < CustomerNumber::MAX;
        (is_possible && cursor.store == at.store && cursor.epoch == at.epoch).then_some(cursor.request)
    }
}
