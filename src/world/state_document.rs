//! The state of a world: everything that a test could see of it, at one moment, and the document that tells it.
//!
//! The document is a seed with more keys: without them it is a seed, and a seed, `{"stores":[…]}`, is read as a state. What goes
//! out and what comes in stand side by side here, key by key.
//!
//! ```text
//! {"clock":{"frozen":true,"now":"…","offsets":{"shop":{"seconds":60,"nanoseconds":0}}},      or {"frozen":false,"ahead":{…},…}
//! "declared_only":true,
//! "settings":{"all":{"rate_limit":5},"stores":{"shop":{"rate_limit":1}}},                     what was changed since the start
//! "faults":{"last_id":1,"faults":[{"status":503,"id":1,"matched":2,"hits":2,"draws_from":0}]},
//! "rate_windows":{"shop":{"opened_at":"…","counted":1}},
//! "stores":[
//! {"id":"shop","secret":"…","tokens":{"forgotten":0,"expire_at":["…"]},"counters":{"customers":2,"events":1,"writes":2},"customers":[
//! {"number":1,"written":2,…}],"events":[
//! {"number":1,"customer_number":1,…}],"pending":[
//! {"request":7,"applies_at":"…","customer":{…},"event":{…}}]}]}
//! ```
//!
//! Of one store it is the same less what is of all: the clock but for the offset, `declared_only`, `settings.all`, and faults
//! that are not for that store only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::clock::{Clock, ClockMode, ClockState, LAST_YEAR};
use super::fault::FaultsState;
use super::memory::MemoryState;
use super::seed::{self, ReadOptions, Reader};
use super::settings::SettingsOverrides;
use super::strict_json::{self, StrictObject};
use crate::domain::customer::{Customer, Include};
use crate::domain::event::Event;
use crate::domain::identifiers::Identifiers;
use crate::domain::rate_limit::Window;
use crate::domain::store::{Counters, MAX_NUMBER, Pending, StoreState, Write as Accepted};
use crate::domain::timestamp;
use crate::domain::validation::Validation;

/// What is remembered, and what time it is. A copy costs next to nothing, however large the stores are.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub memory: MemoryState,
    /// `None` leaves the time alone where the state is put back.
    pub clock: Option<ClockState>,
}

impl State {
    /// What is of one store, with the time of all left alone.
    pub fn of_store(mut self, id: &str) -> State {
        fn only<T>(map: &mut BTreeMap<String, T>, id: &str) {
            map.retain(|key, _| key == id);
        }
        only(&mut self.memory.stores, id);
        only(&mut self.memory.store_overrides, id);
        only(&mut self.memory.windows, id);
        self.memory.faults = self.memory.faults.of_store(id);
        self.memory.overrides = SettingsOverrides::default();
        if let Some(clock) = &mut self.clock {
            clock.all = None;
            only(&mut clock.offsets, id);
        }
        self
    }

    /// Writes the document, piece by piece. The same state is the same text, to the byte.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{")?;
        let memory = &self.memory;
        let mut settings = json!({ "stores": by_store(&memory.store_overrides, SettingsOverrides::to_json) });
        let mut is_whole = true;
        if let Some(clock) = &self.clock {
            let mut told = json!({ "offsets": by_store(&clock.offsets, |offset| delta(*offset)) });
            is_whole = clock.all.is_some();
            match clock.all {
                None => {}
                Some(ClockMode::Frozen(now)) => {
                    told["frozen"] = true.into();
                    told["now"] = timestamp::rfc3339(now).into();
                }
                Some(ClockMode::Offset(ahead)) => {
                    told["frozen"] = false.into();
                    told["ahead"] = delta(ahead);
                }
            }
            writeln!(out, "\"clock\":{told},")?;
        }
        if is_whole {
            settings["all"] = memory.overrides.to_json();
            writeln!(out, "\"declared_only\":{},", memory.declared_only)?;
        }
        let windows = by_store(&memory.windows, |window| {
            let (opened_at, counted) = window.counted();
            json!({ "opened_at": timestamp::rfc3339(opened_at), "counted": counted })
        });
        write!(
            out,
            "\"settings\":{settings},\n\"faults\":{},\n\"rate_windows\":{windows},\n\"stores\":[",
            json!(memory.faults)
        )?;
        for (at, (id, state)) in memory.stores.iter().enumerate() {
            out.write_all(if at > 0 { b",\n" } else { b"\n" })?;
            write_store(id, state, out)?;
        }
        out.write_all(b"]}\n")
    }
}

fn write_store(id: &str, state: &StoreState, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{{\"id\":{}", json!(id))?;
    if let Some(secret) = &state.credentials.secret {
        write!(out, ",\"secret\":{}", json!(secret))?;
    }
    let expire_at: Vec<_> = state.credentials.expiries().map(timestamp::rfc3339).collect();
    let tokens = json!({ "forgotten": state.credentials.forgotten(), "expire_at": expire_at });
    let counters = state.counters();
    let counters = json!({ "customers": counters.customers, "events": counters.events, "writes": counters.writes });
    write!(out, ",\"tokens\":{tokens},\"counters\":{counters},\"customers\":[")?;
    let mut line = Vec::new();
    let mut comma: &[u8] = b"\n";
    for profile in state.customers(0) {
        line.clear();
        profile.write_json(Include::EVERYTHING, &mut line);
        out.write_all(std::mem::replace(&mut comma, b",\n"))?;
        // The numbers come first, in the object that the profile keeps ready.
        write!(
            out,
            "{{\"number\":{},\"written\":{},",
            profile.number(),
            profile.revision()
        )?;
        out.write_all(&line[1..])?;
    }
    out.write_all(b"],\"events\":[")?;
    let mut comma: &[u8] = b"\n";
    for (number, event, customer) in state.events(0) {
        let mut told = event_json(&event, customer.identifiers());
        told["number"] = number.into();
        told["customer_number"] = customer.number().into();
        out.write_all(std::mem::replace(&mut comma, b",\n"))?;
        write!(out, "{told}")?;
    }
    out.write_all(b"],\"pending\":[")?;
    let mut comma: &[u8] = b"\n";
    for pending in state.pending() {
        out.write_all(std::mem::replace(&mut comma, b",\n"))?;
        write!(out, "{}", pending_json(pending))?;
    }
    out.write_all(b"]}")
}

fn by_store<T>(map: &BTreeMap<String, T>, told: impl Fn(&T) -> Value) -> Value {
    map.iter().map(|(store, value)| (store.clone(), told(value))).collect()
}

fn delta(delta: TimeDelta) -> Value {
    json!({ "seconds": delta.num_seconds(), "nanoseconds": delta.subsec_nanos() })
}

/// An event as a seed has it, its customer named in one way.
fn event_json(event: &Event, of: &Identifiers) -> Value {
    let customer = match of {
        Identifiers {
            external_id: Some(id), ..
        } => json!({ "external_id": id }),
        Identifiers { email: Some(email), .. } => json!({ "email": email }),
        Identifiers { phone_number, .. } => json!({ "phone_number": phone_number }),
    };
    json!({
        "unique_id": event.unique_id,
        "type": event.event_type,
        "source": event.source,
        "timestamp": event.timestamp,
        "properties": event.properties,
        "customer": customer,
    })
}

fn pending_json(pending: &Pending) -> Value {
    let mut told = json!({ "request": pending.request, "applies_at": timestamp::rfc3339(pending.visible_at) });
    let customer = match &*pending.write {
        Accepted::Customer(customer) => customer,
        Accepted::Event(event, customer) => {
            told["event"] = event_json(event, &customer.identifiers());
            customer
        }
    };
    told["customer"] = json!(customer);
    told["customer"]["custom_properties"] = json!(customer.custom_properties);
    told
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
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

/// Customers, events and writes stay text until each is read in its turn, so that a large state is never held as a tree.
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

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(told: D) -> Result<Vec<T>, D::Error> {
    let told = Vec::<StrictObject<T>>::deserialize(told)?;
    Ok(told.into_iter().map(|StrictObject(told)| told).collect())
}

fn named_objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(told: D) -> Result<BTreeMap<String, T>, D::Error> {
    let told = BTreeMap::<String, StrictObject<T>>::deserialize(told)?;
    Ok(told
        .into_iter()
        .map(|(name, StrictObject(told))| (name, told))
        .collect())
}

/// Reads a document.
///
/// # Errors
///
/// What is wrong, with line or place. What a state says was taken once, so that enumerations, codes and dates are not judged
/// again.
pub(crate) fn read(text: &str, clock: &Clock) -> Result<State, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('{') {
        return Err("it must be an object".to_owned());
    }
    let document: Document<'_> = strict_json::from_str(text).map_err(|error| error.to_string())?;
    let told = document.clock.map(read_clock).transpose()?;
    if told.as_ref().is_some_and(|told| !told.is_within_years(clock)) {
        return Err(format!("clock must tell times between the years 0 and {LAST_YEAR}"));
    }
    let mut memory = MemoryState::default();
    for store in document.stores {
        let (id, at) = (store.id.clone(), memory.stores.len());
        if id.is_empty() {
            return Err(format!("stores[{at}].id is empty"));
        }
        if memory.stores.contains_key(&id) {
            return Err(format!("stores[{at}].id `{id}` is already that of another store"));
        }
        // The time is for events of seeds that have none.
        let ground = ReadOptions {
            validation: Validation::Lenient,
            now: clock.now(),
        };
        let state = read_store(&format!("stores[{at}]"), store, Reader::new(text, ground))?;
        memory.stores.insert(id, state);
    }
    let has_secret = |state: &StoreState| state.credentials.secret.is_some();
    memory.declared_only = document
        .declared_only
        .unwrap_or_else(|| memory.stores.values().any(has_secret));
    if let Some(settings) = document.settings {
        memory.overrides = settings.all;
        memory.store_overrides = settings.stores;
    }
    memory.faults = document.faults.unwrap_or_default();
    for (store, told) in document.rate_windows {
        let path = format!("rate_windows.{store}.opened_at");
        let opened_at = moment(&path, &told.opened_at)?;
        if !(0..=9999).contains(&opened_at.year()) {
            return Err(format!(
                "{path} is `{}`, whose year must have four digits",
                told.opened_at
            ));
        }
        memory.windows.insert(store, Window::restore(opened_at, told.counted));
    }
    Ok(State { memory, clock: told })
}

fn read_clock(told: ClockDocument) -> Result<ClockState, String> {
    let all = match (told.frozen, told.now, told.ahead) {
        (None, None, None) => None,
        (Some(true), Some(now), None) => Some(ClockMode::Frozen(moment("clock.now", &now)?)),
        (Some(false), None, Some(ahead)) => Some(ClockMode::Offset(read_delta("clock.ahead", &ahead)?)),
        _ => return Err("clock must have `frozen`: true beside `now`, or `frozen`: false beside `ahead`".to_owned()),
    };
    let mut offsets = BTreeMap::new();
    for (store, told) in told.offsets {
        let path = format!("clock.offsets.{store}");
        let offset = read_delta(&path, &told)?;
        if offset < TimeDelta::zero() {
            return Err(format!("{path} must not be negative"));
        }
        offsets.insert(store, offset);
    }
    Ok(ClockState { all, offsets })
}

fn read_delta(path: &str, told: &DeltaDocument) -> Result<TimeDelta, String> {
    TimeDelta::try_seconds(told.seconds)
        .and_then(|delta| delta.checked_add(&TimeDelta::nanoseconds(told.nanoseconds.into())))
        .ok_or_else(|| format!("{path} is too long"))
}

fn moment(path: &str, text: &str) -> Result<DateTime<Utc>, String> {
    text.parse()
        .map_err(|_| format!("{path} is `{text}`, and must be a time such as `2026-01-01T00:00:00Z`"))
}

fn read_store<'a>(path: &str, told: StoreDocument<'a>, reader: Reader<'a>) -> Result<StoreState, String> {
    let mut state = StoreState::default();
    if let Some(secret) = told.secret {
        seed::declare(&mut state, &told.id, secret)?;
    }
    if let Some(tokens) = told.tokens {
        let forgotten = usize::try_from(tokens.forgotten)
            .ok()
            .filter(|_| tokens.forgotten <= MAX_NUMBER);
        let forgotten = forgotten.ok_or_else(|| format!("{path}.tokens.forgotten must be at most {MAX_NUMBER}"))?;
        let expiries: Result<Vec<_>, _> = tokens
            .expire_at
            .iter()
            .enumerate()
            .map(|(at, text)| moment(&format!("{path}.tokens.expire_at[{at}]"), text))
            .collect();
        state.credentials.restore(forgotten, expiries?);
    }
    for (at, text) in told.customers.iter().enumerate() {
        let path = format!("{path}.customers[{at}]");
        reader.read(&path, text, |object| {
            let (number, written) = (taken(&path, "number", object)?, taken(&path, "written", object)?);
            let customer = reader.customer(&path, object)?;
            let restore = state.restore_customer(number, written, customer);
            restore.map_err(|error| format!("{path}{error}"))
        })?;
    }
    for (at, text) in told.events.iter().enumerate() {
        let path = format!("{path}.events[{at}]");
        reader.read(&path, text, |object| {
            let (number, of) = (
                taken(&path, "number", object)?,
                taken(&path, "customer_number", object)?,
            );
            let (event, customer) = reader.event(&path, object)?;
            let of = of
                .or_else(|| state.find(&customer))
                .ok_or_else(|| format!("{path}.customer names no customer of this store"))?;
            let restore = state.restore_event(number, event, of);
            restore.map_err(|error| format!("{path}{error}"))
        })?;
    }
    for (at, text) in told.pending.iter().enumerate() {
        let path = format!("{path}.pending[{at}]");
        let pending = reader.read(&path, text, |object| read_pending(&path, reader, object))?;
        state.restore_pending(pending);
    }
    let counters = told.counters.map(|told| Counters {
        customers: told.customers,
        events: told.events,
        writes: told.writes,
    });
    let restore = state.restore_counters(counters);
    restore.map_err(|error| format!("{path}: {error}"))?;
    Ok(state)
}

fn read_pending(path: &str, reader: Reader<'_>, object: &mut Map<String, Value>) -> Result<Pending, String> {
    let known = BTreeSet::from(["request", "applies_at", "customer", "event"]);
    if let Some(key) = object.keys().find(|key| !known.contains(key.as_str())) {
        return Err(format!("{path}.{key} is not a field that a pending write may have"));
    }
    let request = taken(path, "request", object)?.unwrap_or_default();
    let applies_at = object.get("applies_at").and_then(Value::as_str);
    let applies_at = applies_at.ok_or_else(|| format!("{path}.applies_at must be a time"))?;
    let visible_at = moment(&format!("{path}.applies_at"), applies_at)?;
    let mut part = |name: &str| match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(format!("{path}.{name} must be an object")),
    };
    let customer = part("customer")?.ok_or_else(|| format!("{path}.customer must be an object"))?;
    let customer: Customer = reader.customer(&format!("{path}.customer"), &customer)?;
    let write = match part("event")? {
        None => Accepted::Customer(customer),
        Some(event) => {
            let (event, _) = reader.event(&format!("{path}.event"), &event)?;
            Accepted::Event(event, customer)
        }
    };
    Ok(Pending {
        request,
        visible_at,
        write: Arc::new(write),
    })
}

/// Takes a number out of an object, so that the rest is as in a seed.
fn taken(path: &str, name: &str, object: &mut Map<String, Value>) -> Result<Option<u64>, String> {
    match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number <= MAX_NUMBER => Ok(Some(number)),
            _ => Err(format!("{path}.{name} must be a whole number up to {MAX_NUMBER}")),
        },
    }
}

#[cfg(test)]
mod properties;
