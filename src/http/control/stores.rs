//! The stores, their customers and their events: `/_mock/stores`.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::request::{ControlRequest, parse_limit, parse_number};
use super::{ControlError, ControlResult, ok};
use crate::domain::customer::{CustomerNumber, Include};
use crate::domain::event::Event;
use crate::domain::identifiers::{Email, ExternalId, Identifiers, PhoneNumber};
use crate::domain::profile::Profile;
use crate::domain::store::{Pending, StoreState, Write};
use crate::domain::timestamp::rfc3339;

/// `GET /_mock/stores`, `?limit=&after=`: all stores, ordered by id.
pub(super) async fn list(request: ControlRequest) -> ControlResult {
    let [limit, after] = request.query(["limit", "after"])?;
    let limit = parse_limit(limit)?;
    let mut ids = request.world.memory().store_ids();
    ids.retain(|id| after.as_ref().is_none_or(|after| id > after));
    let next_after = truncate_page(&mut ids, limit, String::clone);
    let stores: Vec<_> =
        ids.iter().filter_map(|id| request.world.with_store(id, |state| store_json(id, state))).collect();
    ok(json!({ "stores": stores, "next_after": next_after }))
}

fn store_json(id: &str, state: &StoreState) -> Value {
    let (customers, events) = state.counts();
    json!({
        "id": id,
        "has_secret": state.credentials.secret.is_some(),
        "customers": customers,
        "events": events,
        "pending": state.pending().count(),
    })
}

/// `GET /_mock/stores/{store_id}/customers`, `?limit=&after=&email=&phone_number=&external_id=`: in the order of creation, complete
/// and with their numbers; writes that are not visible yet are listed separately.
pub(super) async fn customers(request: ControlRequest) -> ControlResult {
    let [limit, after, email, phone_number, external_id] =
        request.query(["limit", "after", "email", "phone_number", "external_id"])?;
    check_spaces("email", email.as_deref())?;
    check_spaces("phone_number", phone_number.as_deref())?;
    let wanted = Identifiers {
        external_id: external_id.as_deref().map(ExternalId::for_lookup),
        email: email.as_deref().map(Email::for_lookup),
        phone_number: phone_number.as_deref().map(PhoneNumber::for_lookup),
    };
    let limit = parse_limit(limit)?;
    let after = parse_number("after", after, 0, 0..=u64::MAX - 1)?;
    let store = request.path("store_id");
    let found = request.world.with_store(&store, |state| {
        let customers: Vec<_> = state.customers_with(&wanted, after).take(limit + 1).cloned().collect();
        let pending = state.pending().filter(|pending| match &*pending.write {
            Write::Customer(customer) => wanted.are_in(&customer.identifiers()),
            Write::Event(..) => false,
        });
        (customers, pending.map(pending_json).collect::<Vec<_>>())
    });
    let (mut customers, pending) = found.ok_or_else(|| unknown_store(&store))?;
    let next_after = truncate_page(&mut customers, limit, |customer| customer.number());
    ok(CustomerList {
        customers: customers.iter().map(|profile| customer_json(profile)).collect(),
        next_after,
        pending,
    })
}

/// Removes what is beyond the limit of a page, and returns the key of its last item if there is more.
fn truncate_page<T, K>(items: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Option<K> {
    let next_after = (items.len() > limit).then(|| key(&items[limit - 1]));
    items.truncate(limit);
    next_after
}

/// Rejects an e-mail address or a phone number with a space: no customer has one, and it was a `+` before the query was decoded.
fn check_spaces(name: &str, value: Option<&str>) -> Result<(), ControlError> {
    match value {
        Some(text) if text.contains(' ') => {
            Err(ControlError::bad(format!("`{name}` is `{text}`"), "it has no spaces; write `+` as `%2B`"))
        }
        _ => Ok(()),
    }
}

#[derive(Serialize)]
struct CustomerList {
    customers: Vec<Box<RawValue>>,
    next_after: Option<CustomerNumber>,
    pending: Vec<Value>,
}

/// The rendered customer, with its number as the first key.
fn customer_json(profile: &Profile) -> Box<RawValue> {
    let mut json = Vec::new();
    profile.write_json(Include::EVERYTHING, &mut json);
    let json = String::from_utf8(json).expect("a profile is rendered as text");
    let json = format!("{{\"number\":{},{}", profile.number(), &json[1..]);
    RawValue::from_string(json).expect("a profile is rendered as an object")
}

/// `GET /_mock/stores/{store_id}/events`, `?limit=&after=&type=&unique_id=&customer=`: in the order of arrival. `customer` is an
/// external id, an e-mail address or a phone number.
pub(super) async fn events(request: ControlRequest) -> ControlResult {
    let [limit, after, event_type, unique_id, customer] =
        request.query(["limit", "after", "type", "unique_id", "customer"])?;
    // An external id may have spaces.
    check_spaces("customer", customer.as_deref().filter(|text| text.contains('@') || text.starts_with(' ')))?;
    let limit = parse_limit(limit)?;
    let after = parse_number("after", after, 0, 0..=u64::MAX - 1)?;
    let store = request.path("store_id");
    let matches = |event: &Event, identifiers: &Identifiers| {
        event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
            && unique_id.as_ref().is_none_or(|wanted| *wanted == event.unique_id)
            && customer.as_ref().is_none_or(|wanted| is_one_of(identifiers, wanted))
    };
    let found = request.world.with_store(&store, |state| {
        let events = state
            .events(after)
            .filter(|(_, event, customer)| matches(event, customer.identifiers()))
            .take(limit + 1)
            .map(|(number, event, customer)| (number, event_json(number, &event, customer.identifiers())));
        let pending = state.pending().filter(|pending| match &*pending.write {
            Write::Event(event, customer) => matches(event, &customer.identifiers()),
            Write::Customer(_) => false,
        });
        (events.collect::<Vec<_>>(), pending.map(pending_json).collect::<Vec<_>>())
    });
    let (mut events, pending) = found.ok_or_else(|| unknown_store(&store))?;
    let next_after = truncate_page(&mut events, limit, |(number, _)| *number);
    let events: Vec<_> = events.into_iter().map(|(_, event)| event).collect();
    ok(json!({ "events": events, "pending": pending, "next_after": next_after }))
}

pub(super) fn unknown_store(store: &str) -> ControlError {
    ControlError::not_found(
        format!("there is no store `{store}`"),
        "a store is created by its first token or accepted write; `GET /_mock/stores` lists all stores",
    )
}

fn is_one_of(identifiers: &Identifiers, wanted: &str) -> bool {
    let Identifiers { external_id, email, phone_number } = identifiers;
    external_id.as_ref().is_some_and(|id| id.as_str() == wanted)
        || email.as_ref().is_some_and(|email| *email == Email::for_lookup(wanted))
        || phone_number.as_ref().is_some_and(|number| number.as_str() == wanted)
}

fn event_json(number: u64, event: &Event, identifiers: &Identifiers) -> Value {
    let mut json = event.to_json(json!(identifiers));
    json["number"] = number.into();
    json
}

fn pending_json(pending: &Pending) -> Value {
    json!({
        "request": pending.request,
        "applies_at": rfc3339(pending.visible_at),
        "body": pending.write.to_json(),
    })
}
