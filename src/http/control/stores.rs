//! What is there: `/_mock/stores`, their customers and their events.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use serde_json::{Value, json};

use super::error::ControlError;
use super::request::{ControlRequest, number};
use crate::domain::customer::Include;
use crate::domain::event::Event;
use crate::domain::identifiers::Identifiers;
use crate::domain::store::{Pending, StoreState, Write};
use crate::domain::timestamp::rfc3339;

/// The largest list, and the one that is given where the client does not say.
const MAX_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: u64 = 100;

/// `GET /_mock/stores`: those that are remembered, by id.
pub(super) async fn list(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let [limit, after] = request.query(["limit", "after"])?;
    let limit = limit_of(limit)?;
    let mut ids = request.world.memory().store_ids();
    ids.retain(|id| after.as_ref().is_none_or(|after| id > after));
    let next_after = (ids.len() > limit).then(|| ids[limit - 1].clone());
    ids.truncate(limit);
    let stores: Vec<_> = ids
        .iter()
        .filter_map(|id| request.world.with_store(id, |state| about(id, state)))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "stores": stores, "next_after": next_after })))
}

fn about(id: &str, state: &StoreState) -> Value {
    let (customers, events) = state.counts();
    json!({
        "id": id,
        "has_secret": state.credentials.secret.is_some(),
        "customers": customers,
        "events": events,
        "pending": state.pending().count(),
    })
}

/// `GET /_mock/stores/{id}/customers`: in the order of creation, each with its number and everything that is known; writes
/// that do not show yet apart.
pub(super) async fn customers(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let [limit, after] = request.query(["limit", "after"])?;
    let limit = limit_of(limit)?;
    let after = number("after", after.as_deref(), 0, 0..=u64::MAX - 1)?;
    let store = request.path("store_id").to_owned();
    let join_quoted = request.world.with_store(&store, |state| {
        let customers: Vec<_> = state.customers(after).take(limit + 1).cloned().collect();
        let pending: Vec<_> = state
            .pending()
            .filter(|pending| matches!(*pending.write, Write::Customer(_)))
            .map(pending_json)
            .collect();
        (customers, pending)
    });
    let (mut customers, pending) = join_quoted.ok_or_else(|| unknown(&store))?;
    let next_after = (customers.len() > limit).then(|| customers[limit - 1].number());
    customers.truncate(limit);
    let mut json = b"{\"customers\":[".to_vec();
    for (at, profile) in customers.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        let begin = json.len();
        profile.write_json(Include::EVERYTHING, &mut json);
        // The number comes first, in the object that the profile keeps ready.
        json.splice(
            begin..=begin,
            format!("{{\"number\":{},", profile.number()).into_bytes(),
        );
    }
    let rest = json!({ "pending": pending, "next_after": next_after }).to_string();
    json.extend_from_slice(b"],");
    json.extend_from_slice(&rest.as_bytes()[1..]);
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// `GET /_mock/stores/{id}/events`: in the order in which they came; filters `type`, `unique_id` and `customer`, which is an
/// external id, an e-mail or a phone number.
pub(super) async fn events(mut request: ControlRequest) -> Result<HttpResponse, ControlError> {
    let [limit, after, event_type, unique_id, customer] =
        request.query(["limit", "after", "type", "unique_id", "customer"])?;
    let limit = limit_of(limit)?;
    let after = number("after", after.as_deref(), 0, 0..=u64::MAX - 1)?;
    let store = request.path("store_id").to_owned();
    let is_wanted = |event: &Event, of: &Identifiers| {
        event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
            && unique_id.as_ref().is_none_or(|wanted| *wanted == event.unique_id)
            && customer.as_ref().is_none_or(|wanted| is_named(of, wanted))
    };
    let join_quoted = request.world.with_store(&store, |state| {
        let events = state.events(after).filter(|(_, event, of)| is_wanted(event, of));
        let events: Vec<_> = events
            .take(limit + 1)
            .map(|(number, event, of)| (number, event_json(number, &event, &of)))
            .collect();
        let pending = state.pending().filter(|pending| match &*pending.write {
            Write::Event(event, of) => is_wanted(event, &of.identifiers()),
            Write::Customer(_) => false,
        });
        (events, pending.map(pending_json).collect::<Vec<_>>())
    });
    let (mut events, pending) = join_quoted.ok_or_else(|| unknown(&store))?;
    let next_after = (events.len() > limit).then(|| events[limit - 1].0);
    events.truncate(limit);
    let events: Vec<_> = events.into_iter().map(|(_, event)| event).collect();
    Ok(HttpResponse::Ok().json(json!({ "events": events, "pending": pending, "next_after": next_after })))
}

fn limit_of(limit: Option<String>) -> Result<usize, ControlError> {
    let limit = number("limit", limit.as_deref(), DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    Ok(usize::try_from(limit).expect("the largest list fits memory"))
}

pub(super) fn unknown(store: &str) -> ControlError {
    ControlError::new(
        StatusCode::NOT_FOUND,
        format!("store `{store}` is not remembered"),
        "a store is remembered at its first token or accepted write; `GET /_mock/stores` lists them",
    )
}

fn is_named(of: &Identifiers, wanted: &str) -> bool {
    of.external_id.as_ref().is_some_and(|id| id.as_str() == wanted)
        || of
            .email
            .as_ref()
            .is_some_and(|email| email.folded() == wanted.to_lowercase())
        || of.phone_number.as_ref().is_some_and(|number| number.as_str() == wanted)
}

fn event_json(number: u64, event: &Event, of: &Identifiers) -> Value {
    let mut json = event.to_json(json!(of));
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
