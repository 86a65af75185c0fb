//! Merging: which value wins where two customers become one.
//!
//! Source: contract, "Identity and merging", rules 2 and 6, and section 4 on partial writes (assumed).

use super::customer::{Address, Channel, Channels, Customer, ListMembership, OnRequest};

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
