//! Merging: which value wins where two customers become one.
//!
//! Source: contract, "Identity and merging", rules 2 and 6, and section 4 on partial writes (assumed).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::customer::{
    Address, Channel, Channels, Customer, Email, ExternalId, ListMembership, OnRequest, PhoneNumber, Properties,
};

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
        on_request: fill_on_request(winner.on_request, other.on_request),
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

fn fill_on_request(mut winner: OnRequest, other: OnRequest) -> OnRequest {
    for (key, value) in other.custom_properties {
        winner.custom_properties.entry(key).or_insert(value);
    }
    OnRequest {
        custom_properties: winner.custom_properties,
        loyalty: winner.loyalty.or(other.loyalty),
        yotpo_ugc: winner.yotpo_ugc.or(other.yotpo_ugc),
    }
}

/// A customer as it was rendered, its fields not read.
#[derive(Deserialize)]
pub struct Rendered<'a> {
    #[serde(borrow)]
    external_id: &'a RawValue,
    email: &'a RawValue,
    phone_number: &'a RawValue,
    first_name: &'a RawValue,
    last_name: &'a RawValue,
    gender: &'a RawValue,
    account_created_at: &'a RawValue,
    account_updated_at: &'a RawValue,
    account_status: &'a RawValue,
    default_language: &'a RawValue,
    default_currency: &'a RawValue,
    tags: &'a RawValue,
    address: &'a RawValue,
    accepts_sms_marketing: &'a RawValue,
    accepts_email_marketing: &'a RawValue,
    lists: &'a RawValue,
    channels: &'a RawValue,
}

#[derive(Deserialize)]
struct RenderedAddress<'a> {
    #[serde(borrow)]
    address1: &'a RawValue,
    address2: &'a RawValue,
    city: &'a RawValue,
    company: &'a RawValue,
    state: &'a RawValue,
    zip: &'a RawValue,
    province_code: &'a RawValue,
    country_code: &'a RawValue,
    phone_number: &'a RawValue,
}

/// A field of what was filled: as the winner has it, or as the other was rendered.
enum Field<'a, T> {
    Winner(T),
    Other(&'a RawValue),
}

impl<T: Serialize> Serialize for Field<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Field::Winner(value) => value.serialize(serializer),
            Field::Other(rendered) => rendered.serialize(serializer),
        }
    }
}

/// What [`fill`] gives of a winner and of another that is kept as it was rendered: to be rendered in turn, without reading what
/// the winner does not have.
#[derive(Serialize)]
pub struct Filled<'a> {
    external_id: Field<'a, &'a ExternalId>,
    email: Field<'a, &'a Email>,
    phone_number: Field<'a, &'a PhoneNumber>,
    first_name: Field<'a, &'a str>,
    last_name: Field<'a, &'a str>,
    gender: Field<'a, &'a str>,
    account_created_at: Field<'a, &'a str>,
    account_updated_at: Field<'a, &'a str>,
    account_status: Field<'a, &'a str>,
    default_language: Field<'a, &'a str>,
    default_currency: Field<'a, &'a str>,
    tags: Field<'a, &'a str>,
    address: Field<'a, FilledAddress<'a>>,
    accepts_sms_marketing: Field<'a, bool>,
    accepts_email_marketing: Field<'a, bool>,
    lists: &'a RawValue,
    channels: &'a RawValue,
}

#[derive(Serialize)]
struct FilledAddress<'a> {
    address1: Field<'a, &'a Option<String>>,
    address2: Field<'a, &'a Option<String>>,
    city: Field<'a, &'a Option<String>>,
    company: Field<'a, &'a Option<String>>,
    state: Field<'a, &'a Option<String>>,
    zip: Field<'a, &'a Option<String>>,
    province_code: Field<'a, &'a Option<String>>,
    country_code: Field<'a, &'a Option<String>>,
    phone_number: Field<'a, &'a Option<String>>,
}

impl<'a> Filled<'a> {
    /// Fills what a winner lacks, if it has only what clients write: lists and channels are not joined here.
    pub fn of(winner: &'a Customer, other: &Rendered<'a>) -> Option<Filled<'a>> {
        let can_be_written = winner.lists.is_empty() && winner.channels == Channels::default();
        can_be_written.then(|| Filled {
            external_id: field(winner.external_id.as_ref(), other.external_id),
            email: field(winner.email.as_ref(), other.email),
            phone_number: field(winner.phone_number.as_ref(), other.phone_number),
            first_name: field(winner.first_name.as_deref(), other.first_name),
            last_name: field(winner.last_name.as_deref(), other.last_name),
            gender: field(winner.gender.as_deref(), other.gender),
            account_created_at: field(winner.account_created_at.as_deref(), other.account_created_at),
            account_updated_at: field(winner.account_updated_at.as_deref(), other.account_updated_at),
            account_status: field(winner.account_status.as_deref(), other.account_status),
            default_language: field(winner.default_language.as_deref(), other.default_language),
            default_currency: field(winner.default_currency.as_deref(), other.default_currency),
            tags: field(winner.tags.as_deref(), other.tags),
            address: field(
                winner
                    .address
                    .as_ref()
                    .map(|address| FilledAddress::of(address, other.address)),
                other.address,
            ),
            accepts_sms_marketing: field(winner.accepts_sms_marketing, other.accepts_sms_marketing),
            accepts_email_marketing: field(winner.accepts_email_marketing, other.accepts_email_marketing),
            lists: other.lists,
            channels: other.channels,
        })
    }
}

impl<'a> FilledAddress<'a> {
    fn of(winner: &'a Address, other: &'a RawValue) -> FilledAddress<'a> {
        let other: Option<RenderedAddress<'a>> = read_back(other.get());
        let part = |winner: &'a Option<String>, of: fn(&RenderedAddress<'a>) -> &'a RawValue| match &other {
            Some(other) if winner.is_none() => Field::Other(of(other)),
            _ => Field::Winner(winner),
        };
        FilledAddress {
            address1: part(&winner.address1, |other| other.address1),
            address2: part(&winner.address2, |other| other.address2),
            city: part(&winner.city, |other| other.city),
            company: part(&winner.company, |other| other.company),
            state: part(&winner.state, |other| other.state),
            zip: part(&winner.zip, |other| other.zip),
            province_code: part(&winner.province_code, |other| other.province_code),
            country_code: part(&winner.country_code, |other| other.country_code),
            phone_number: part(&winner.phone_number, |other| other.phone_number),
        }
    }
}

fn field<'a, T>(winner: Option<T>, other: &'a RawValue) -> Field<'a, T> {
    winner.map_or(Field::Other(other), Field::Winner)
}

/// Custom properties filled key by key from others that are kept as they were rendered, rendered in turn.
pub fn fill_properties(winner: &Properties, other: &RawValue) -> Box<RawValue> {
    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
    let other: BTreeMap<Key<'_>, &RawValue> = read_back(other.get());
    let kept = other
        .iter()
        .map(|(key, value)| (&*key.0, Field::<&Value>::Other(value)));
    let told = winner.iter().map(|(key, value)| (key.as_str(), Field::Winner(value)));
    let filled: BTreeMap<&str, Field<'_, &Value>> = kept.chain(told).collect();
    serde_json::value::to_raw_value(&filled).expect("properties are JSON values under string keys")
}

/// Reads what was rendered here.
fn read_back<'a, T: Deserialize<'a>>(rendered: &'a str) -> T {
    serde_json::from_str(rendered).expect("it was rendered from the same")
}
