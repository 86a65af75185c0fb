//! Merging: which value wins where two customers become one.
//!
//! Source: contract, "Identity and merging", rules 2 and 6, and section 4 on partial writes (assumed).

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memchr2;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::customer::{Address, Channel, Channels, Customer, ListMembership, OptionalParts, Properties};

/// Fills what the winner lacks with what the other has.
///
/// This one rule serves writing and merging alike: a write wins over the profile it means, and that over every profile
/// merged into it. Address and custom properties are filled key by key, channels one by one, lists join by id. An empty text is a
/// value and not a lack.
pub fn fill(winner: Customer, other: Customer) -> Customer {
    Customer {
        external_id: winner.external_id.or(other.external_id),
        email: winner.email.or(other.email),
        phone_number: winner.phone_number.or(other.phone_number),
        first_name: winner.first_name.or(other.first_name),
        last_name: winner.last_name.or(other.last_name),
        gender: winner.gender.or(other.gender),
        account_created_at: winner.account_created_at.or(other.account_created_at),
        account_updated_at: winner.account_updated_at.or(other.account_updated_at),
        account_status: winner.account_status.or(other.account_status),
        default_language: winner.default_language.or(other.default_language),
        default_currency: winner.default_currency.or(other.default_currency),
        tags: winner.tags.or(other.tags),
        address: both(winner.address, other.address, fill_address),
        accepts_sms_marketing: winner.accepts_sms_marketing.or(other.accepts_sms_marketing),
        accepts_email_marketing: winner.accepts_email_marketing.or(other.accepts_email_marketing),
        lists: join_lists(winner.lists, other.lists),
        channels: Channels {
            sms: both(winner.channels.sms, other.channels.sms, fill_channel),
            email: both(winner.channels.email, other.channels.email, fill_channel),
        },
        optional_parts: fill_on_request(winner.optional_parts, other.optional_parts),
    }
}

fn both<T>(winner: Option<T>, other: Option<T>, fill: impl FnOnce(T, T) -> T) -> Option<T> {
    match (winner, other) {
        (Some(winner), Some(other)) => Some(fill(winner, other)),
        (winner, other) => winner.or(other),
    }
}

fn fill_address(winner: Address, other: Address) -> Address {
    Address {
        address1: winner.address1.or(other.address1),
        address2: winner.address2.or(other.address2),
        city: winner.city.or(other.city),
        company: winner.company.or(other.company),
        state: winner.state.or(other.state),
        zip: winner.zip.or(other.zip),
        province_code: winner.province_code.or(other.province_code),
        country_code: winner.country_code.or(other.country_code),
        phone_number: winner.phone_number.or(other.phone_number),
    }
}

/// A consent and its time belong together, so that they are taken from one side.
fn fill_channel(winner: Channel, other: Channel) -> Channel {
    Channel {
        marketing: winner.marketing.or(other.marketing),
    }
}

fn join_lists(mut winner: Vec<ListMembership>, other: Vec<ListMembership>) -> Vec<ListMembership> {
    for list in other {
        if winner.iter().all(|kept| kept.id != list.id) {
            winner.push(list);
        }
    }
    winner
}

fn fill_on_request(mut winner: OptionalParts, other: OptionalParts) -> OptionalParts {
    for (key, value) in other.custom_properties {
        winner.custom_properties.entry(key).or_insert(value);
    }
    OptionalParts {
        custom_properties: winner.custom_properties,
        loyalty: winner.loyalty.or(other.loyalty),
        yotpo_ugc: winner.yotpo_ugc.or(other.yotpo_ugc),
    }
}

/// Whether [`fill_rendered`] can tell what a winner says: lists, channels and what no client writes are not joined there.
pub fn can_fill_rendered(winner: &Customer) -> bool {
    winner.lists.is_empty()
        && winner.channels == Channels::default()
        && winner.optional_parts.loyalty.is_none()
        && winner.optional_parts.yotpo_ugc.is_none()
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
