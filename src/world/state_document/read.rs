//! Reading a state document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::State;
use crate::domain::customer::Customer;
use crate::domain::rate_limit::Window;
use crate::domain::store::{Counters, MAX_NUMBER, Pending, StoreState, Write as Accepted};
use crate::domain::validation::Validation;
use crate::world::clock::{Clock, ClockMode, ClockState};
use crate::world::fault::FaultsState;
use crate::world::invalid_document::{InvalidDocument, Mistake};
use crate::world::memory::MemoryState;
use crate::world::seed::{self, EntryReader, ReadOptions};
use crate::world::settings::SettingsOverrides;
use crate::world::strict_json::{self, StrictObject};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    /// For editors.
    #[serde(rename = "$schema")]
    _schema: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "strict_json::object")]
    clock: Option<ClockDocument>,
    declared_only: Option<bool>,
    #[serde(default, deserialize_with = "strict_json::object")]
    settings: Option<SettingsDocument>,
    #[serde(default, deserialize_with = "strict_json::object")]
    faults: Option<FaultsState>,
    #[serde(default, deserialize_with = "named_objects")]
    rate_windows: BTreeMap<String, WindowDocument>,
    #[serde(borrow, deserialize_with = "objects")]
    stores: Vec<StoreDocument<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockDocument {
    frozen: Option<bool>,
    now: Option<String>,
    #[serde(default, deserialize_with = "strict_json::object")]
    ahead: Option<DeltaDocument>,
    #[serde(default, deserialize_with = "named_objects")]
    offsets: BTreeMap<String, DeltaDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeltaDocument {
    seconds: i64,
    #[serde(default)]
    nanoseconds: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsDocument {
    #[serde(default)]
    all: SettingsOverrides,
    #[serde(default)]
    stores: BTreeMap<String, SettingsOverrides>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowDocument {
    opened_at: String,
    counted: u32,
}

/// Customers, events and writes stay text until each is read, so that a large state is never a tree in memory.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreDocument<'a> {
    id: String,
    secret: Option<String>,
    #[serde(default, deserialize_with = "strict_json::object")]
    tokens: Option<TokensDocument>,
    #[serde(default, deserialize_with = "strict_json::object")]
    counters: Option<CountersDocument>,
    #[serde(borrow, default)]
    customers: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pending: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensDocument {
    forgotten: u64,
    expire_at: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountersDocument {
    customers: u64,
    events: u64,
    writes: u64,
}

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(document: D) -> Result<Vec<T>, D::Error> {
    let document = Vec::<StrictObject<T>>::deserialize(document)?;
    Ok(document.into_iter().map(|StrictObject(document)| document).collect())
}

fn named_objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(document: D) -> Result<BTreeMap<String, T>, D::Error> {
    let document = BTreeMap::<String, StrictObject<T>>::deserialize(document)?;
    Ok(document.into_iter().map(|(name, StrictObject(document))| (name, document)).collect())
}

/// Reads a document.
///
/// # Errors
///
/// The first mistake, with its line or path. Enumerations, codes and dates are read leniently, since the emulator that wrote the
/// state has accepted them.
pub(crate) fn read(text: &str, clock: &Clock) -> Result<State, InvalidDocument> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('{') {
        return Err(Mistake::NoObject.into());
    }
    let document: Document<'_> = strict_json::from_str(text)?;
    let restored_clock = document.clock.map(read_clock).transpose()?;
    let is_within_years = |restored: &ClockState| restored.is_within_years(clock);
    if !restored_clock.as_ref().is_none_or(is_within_years) {
        return Err(Mistake::ClockYear.into());
    }
    let mut memory = MemoryState::default();
    for store in document.stores {
        let (id, at) = (store.id.clone(), memory.stores.len());
        if id.is_empty() {
            return Err(Mistake::EmptyId { path: format!("stores[{at}].id") }.into());
        }
        if memory.stores.contains_key(&id) {
            return Err(Mistake::DuplicateStore { path: format!("stores[{at}]"), id }.into());
        }
        // The time applies to events without one, as in seeds.
        let options = ReadOptions { validation: Validation::Lenient, now: clock.now() };
        let state = read_store(&format!("stores[{at}]"), store, EntryReader::new(text, options))?;
        memory.stores.insert(id, state);
    }
    let has_secret = |state: &StoreState| state.credentials.secret.is_some();
    memory.declared_only = document.declared_only.unwrap_or_else(|| memory.stores.values().any(has_secret));
    if let Some(settings) = document.settings {
        memory.overrides = settings.all;
        memory.store_overrides = settings.stores;
    }
    memory.faults = document.faults.unwrap_or_default();
    for (store, window) in document.rate_windows {
        let path = format!("rate_windows.{store}.opened_at");
        let opened_at = parse_time(&path, &window.opened_at)?;
        if !(0..=9999).contains(&opened_at.year()) {
            return Err(Mistake::Year { path, text: window.opened_at }.into());
        }
        let counted = window.counted;
        memory.windows.insert(store, Window { opened_at, counted });
    }
    Ok(State { memory, clock: restored_clock })
}

fn read_clock(document: ClockDocument) -> Result<ClockState, Mistake> {
    let all = match (document.frozen, document.now, document.ahead) {
        (None, None, None) => None,
        (Some(true), Some(now), None) => Some(ClockMode::Frozen(parse_time("clock.now", &now)?)),
        (Some(false), None, Some(ahead)) => Some(ClockMode::Offset(read_delta("clock.ahead", &ahead)?)),
        _ => return Err(Mistake::ClockMode),
    };
    let mut offsets = BTreeMap::new();
    for (store, document) in document.offsets {
        let path = format!("clock.offsets.{store}");
        let offset = read_delta(&path, &document)?;
        if offset < TimeDelta::zero() {
            return Err(Mistake::Negative { path });
        }
        offsets.insert(store, offset);
    }
    Ok(ClockState { all, offsets })
}

fn read_delta(path: &str, document: &DeltaDocument) -> Result<TimeDelta, Mistake> {
    TimeDelta::try_seconds(document.seconds)
        .and_then(|delta| delta.checked_add(&TimeDelta::nanoseconds(document.nanoseconds.into())))
        .ok_or_else(|| Mistake::TooLong { path: path.to_owned() })
}

pub(super) fn parse_time(path: &str, text: &str) -> Result<DateTime<Utc>, Mistake> {
    text.parse().map_err(|_| Mistake::InvalidTime { path: path.to_owned(), text: text.to_owned() })
}

fn read_store<'a>(
    path: &str,
    document: StoreDocument<'a>,
    reader: EntryReader<'a>,
) -> Result<StoreState, InvalidDocument> {
    let mut state = StoreState::default();
    if let Some(secret) = document.secret {
        seed::declare(&mut state, &document.id, secret)?;
    }
    if let Some(tokens) = document.tokens {
        let forgotten = usize::try_from(tokens.forgotten).ok().filter(|_| tokens.forgotten <= MAX_NUMBER);
        let forgotten = forgotten.ok_or_else(|| Mistake::Number { path: format!("{path}.tokens.forgotten") })?;
        let expiries: Result<Vec<_>, _> = tokens
            .expire_at
            .iter()
            .enumerate()
            .map(|(at, text)| parse_time(&format!("{path}.tokens.expire_at[{at}]"), text))
            .collect();
        state.credentials.restore(forgotten, expiries?);
    }
    for (at, text) in document.customers.iter().enumerate() {
        let path = format!("{path}.customers[{at}]");
        reader.read(&path, text, |object| {
            let (number, written) = (take_number(&path, "number", object)?, take_number(&path, "written", object)?);
            let customer = reader.customer(&path, object)?;
            let result = state.restore_customer(number, written, customer);
            Ok(result.map_err(|source| Mistake::Restore { path: path.clone(), source })?)
        })?;
    }
    for (at, text) in document.events.iter().enumerate() {
        let path = format!("{path}.events[{at}]");
        reader.read(&path, text, |object| {
            let (number, of) = (take_number(&path, "number", object)?, take_number(&path, "customer_number", object)?);
            let (event, customer) = reader.event(&path, object)?;
            let of = of
                .or_else(|| state.find(&customer))
                .ok_or_else(|| Mistake::UnknownCustomer { path: path.clone(), store: document.id.clone() })?;
            let result = state.restore_event(number, event, of);
            Ok(result.map_err(|source| Mistake::Restore { path: path.clone(), source })?)
        })?;
    }
    for (at, text) in document.pending.iter().enumerate() {
        let path = format!("{path}.pending[{at}]");
        let pending = reader.read(&path, text, |object| read_pending(&path, reader, object))?;
        state.restore_pending(pending);
    }
    let counters = document.counters.map(|document| Counters {
        customers: document.customers,
        events: document.events,
        writes: document.writes,
    });
    let result = state.restore_counters(counters);
    result.map_err(|source| Mistake::Restore { path: format!("{path}: "), source })?;
    Ok(state)
}

fn read_pending(
    path: &str,
    reader: EntryReader<'_>,
    object: &mut Map<String, Value>,
) -> Result<Pending, InvalidDocument> {
    let known = BTreeSet::from(["request", "applies_at", "customer", "event"]);
    if let Some(key) = object.keys().find(|key| !known.contains(key.as_str())) {
        return Err(Mistake::UnknownField { path: format!("{path}.{key}") }.into());
    }
    let request = take_number(path, "request", object)?.unwrap_or_default();
    let applies_at = object.get("applies_at").and_then(Value::as_str);
    let applies_at = applies_at.ok_or_else(|| Mistake::NoTime { path: format!("{path}.applies_at") })?;
    let visible_at = parse_time(&format!("{path}.applies_at"), applies_at)?;
    let mut part = |name: &str| match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(Mistake::NotAnObject { path: format!("{path}.{name}") }),
    };
    let customer = part("customer")?.ok_or_else(|| Mistake::NotAnObject { path: format!("{path}.customer") })?;
    let customer: Customer = reader.customer(&format!("{path}.customer"), &customer)?;
    let write = match part("event")? {
        None => Accepted::Customer(customer),
        Some(event) => {
            let (event, _) = reader.event(&format!("{path}.event"), &event)?;
            Accepted::Event(event, customer)
        }
    };
    Ok(Pending { request, visible_at, write: Arc::new(write) })
}

/// Removes a number from an object, so that the rest is as in a seed.
fn take_number(path: &str, name: &str, object: &mut Map<String, Value>) -> Result<Option<u64>, Mistake> {
    match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number <= MAX_NUMBER => Ok(Some(number)),
            _ => Err(Mistake::Number { path: format!("{path}.{name}") }),
        },
    }
}
