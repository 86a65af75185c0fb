//! Merging: which value wins where two customers become one.
//!
//! Source: contract, "Identity and merging", rules 2 and 6, and section 4 on partial writes (assumed).

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memchr2;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::customer::{Address, Channel, Channels, Customer, ListMembership, Marketing, Properties};
use super::identifiers::{Email, ExternalId, PhoneNumber};

/// Filling: the one rule of partial writes and of merging.
///
/// The value keeps what it has and takes from the other what it lacks. A write wins over the profile that it updates, and that
/// profile over the ones merged into it. An empty text is a value.
pub trait Fill: Sized {
    /// Fills the missing parts from another value. A value without parts stays as it is.
    fn fill(&mut self, _other: Self) {}

    /// Whether there is a value at all.
    fn is_set(&self) -> bool {
        true
    }
}

/// Fills the winner with what it lacks.
pub fn fill(mut winner: Customer, other: Customer) -> Customer {
    winner.fill(other);
    winner
}

impl Fill for String {}
impl Fill for bool {}
impl Fill for ExternalId {}
impl Fill for Email {}
impl Fill for PhoneNumber {}
impl Fill for Box<RawValue> {}
/// The consent and its time belong together.
impl Fill for Marketing {}

impl<T: Fill> Fill for Option<T> {
    fn fill(&mut self, other: Option<T>) {
        match (self, other) {
            (Some(value), Some(other)) => value.fill(other),
            (value @ None, other) => *value = other,
            (Some(_), None) => {}
        }
    }

    fn is_set(&self) -> bool {
        self.is_some()
    }
}

/// Joined by id.
impl Fill for Vec<ListMembership> {
    fn fill(&mut self, other: Vec<ListMembership>) {
        for list in other {
            if self.iter().all(|known| known.id != list.id) {
                self.push(list);
            }
        }
    }

    fn is_set(&self) -> bool {
        !self.is_empty()
    }
}

impl Fill for Channels {
    fn fill(&mut self, other: Channels) {
        self.sms.fill(other.sms);
        self.email.fill(other.email);
    }

    fn is_set(&self) -> bool {
        self.sms.is_set() || self.email.is_set()
    }
}

impl Fill for Channel {
    fn fill(&mut self, other: Channel) {
        self.marketing.fill(other.marketing);
    }
}

/// Filled key by key.
impl Fill for Properties {
    fn fill(&mut self, other: Properties) {
        for (key, value) in other {
            self.entry(key).or_insert(value);
        }
    }

    fn is_set(&self) -> bool {
        !self.is_empty()
    }
}

/// Whether [`fill_rendered`] can tell what a winner says: lists, channels and what no client writes are not joined there.
pub fn can_fill_rendered(winner: &Customer) -> bool {
    winner.lists.is_empty()
        && winner.channels == Channels::default()
        && winner.loyalty.is_none()
        && winner.yotpo_ugc.is_none()
}

/// Renders what [`fill`] gives of a winner and of another that was rendered before, less the parts on request, without reading
/// what the winner does not have. The winner must be [one for which that can be done](can_fill_rendered).
pub fn fill_rendered(winner: &Customer, other: &[u8], out: &mut Vec<u8>) {
    debug_assert!(can_fill_rendered(winner), "lists and channels are not joined here");
    let mut filling = Filling { other, out };
    filling.field("external_id", &winner.external_id);
    filling.field("email", &winner.email);
    filling.field("phone_number", &winner.phone_number);
    filling.field("first_name", &winner.first_name);
    filling.field("last_name", &winner.last_name);
    filling.field("gender", &winner.gender);
    filling.field("account_created_at", &winner.account_created_at);
    filling.field("account_updated_at", &winner.account_updated_at);
    filling.field("account_status", &winner.account_status);
    filling.field("default_language", &winner.default_language);
    filling.field("default_currency", &winner.default_currency);
    filling.field("tags", &winner.tags);
    filling.address(&winner.address);
    filling.field("accepts_sms_marketing", &winner.accepts_sms_marketing);
    filling.field("accepts_email_marketing", &winner.accepts_email_marketing);
    filling.rest();
}

/// Fills a winner, field by field in their order, from an object that was rendered before.
struct Filling<'a> {
    /// What is left of that object.
    other: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl<'a> Filling<'a> {
    /// The next field: what stands before its value, and the value.
    fn next(&mut self, name: &str) -> (&'a [u8], &'a [u8]) {
        // `{"` or `,"`, the name, `":`
        let (before, rest) = self.other.split_at(name.len() + 4);
        let (value, rest) = rest.split_at(value_bytes(rest));
        self.other = rest;
        (before, value)
    }

    fn field(&mut self, name: &str, winner: &Option<impl Serialize>) {
        let (before, value) = self.next(name);
        self.out.extend_from_slice(before);
        match winner {
            Some(winner) => serde_json::to_writer(&mut *self.out, winner).expect(IS_WRITTEN),
            None => self.out.extend_from_slice(value),
        }
    }

    fn address(&mut self, winner: &Option<Address>) {
        let Some(winner) = winner else {
            return self.field("address", &None::<()>);
        };
        let (before, value) = self.next("address");
        self.out.extend_from_slice(before);
        if value == b"null" {
            return serde_json::to_writer(&mut *self.out, winner).expect(IS_WRITTEN);
        }
        let mut filling = Filling {
            other: value,
            out: self.out,
        };
        filling.field("address1", &winner.address1);
        filling.field("address2", &winner.address2);
        filling.field("city", &winner.city);
        filling.field("company", &winner.company);
        filling.field("state", &winner.state);
        filling.field("zip", &winner.zip);
        filling.field("province_code", &winner.province_code);
        filling.field("country_code", &winner.country_code);
        filling.field("phone_number", &winner.phone_number);
        filling.rest();
    }

    /// Everything that is left.
    fn rest(self) {
        self.out.extend_from_slice(self.other);
    }
}

const IS_WRITTEN: &str = "texts and booleans can be rendered, and a Vec takes all writes";

/// How long the JSON value is with which some rendered JSON begins.
fn value_bytes(json: &[u8]) -> usize {
    let end_of_text = |from: usize| {
        let mut at = from + 1;
        loop {
            at += memchr2(b'"', b'\\', &json[at..]).expect("a text ends");
            match json[at] {
                b'"' => break at + 1,
                _ => at += 2,
            }
        }
    };
    let (mut at, mut depth) = (0, 0);
    loop {
        match json[at] {
            b'"' => at = end_of_text(at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            // A number, or a word; or what stands between values.
            _ => at += 1,
        }
        let is_whole = depth == 0 && matches!(json.get(at), None | Some(b',' | b'}' | b']'));
        if is_whole {
            return at;
        }
    }
}

/// Renders custom properties filled key by key from others that were rendered before. Where there are none, nothing is rendered.
pub fn fill_properties(winner: &Properties, other: &[u8], out: &mut Vec<u8>) {
    match (winner.is_empty(), other) {
        (true, other) => return out.extend_from_slice(other),
        (false, b"") => return serde_json::to_writer(out, winner).expect(ARE_WRITTEN),
        _ => {}
    }
    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Property<'a> {
        Kept(&'a RawValue),
        Told(&'a Value),
    }
    let other: BTreeMap<Key<'_>, &RawValue> =
        serde_json::from_slice(other).expect("properties are rendered as an object");
    let kept = other.iter().map(|(key, value)| (&*key.0, Property::Kept(value)));
    let told = winner.iter().map(|(key, value)| (key.as_str(), Property::Told(value)));
    let filled: BTreeMap<&str, Property<'_>> = kept.chain(told).collect();
    serde_json::to_writer(out, &filled).expect(ARE_WRITTEN);
}

const ARE_WRITTEN: &str = "properties are JSON values under string keys, and a Vec takes all writes";
