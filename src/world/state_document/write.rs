//! Writing a state document.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::State;
use crate::domain::customer::Include;
use crate::domain::event::Event;
use crate::domain::identifiers::Identifiers;
use crate::domain::store::{Pending, StoreState, Write as Accepted};
use crate::domain::timestamp;
use crate::world::clock::ClockMode;
use crate::world::settings::SettingsOverrides;

impl State {
    /// Writes the document, store by store and line by line. The same state gives the same bytes.
    ///
    /// # Errors
    ///
    /// The errors of the writer.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{")?;
        let memory = &self.memory;
        let mut settings = json!({ "stores": by_store(&memory.store_overrides, SettingsOverrides::to_json) });
        let mut is_whole = true;
        if let Some(clock) = &self.clock {
            let mut json = json!({ "offsets": by_store(&clock.offsets, |offset| delta(*offset)) });
            is_whole = clock.all.is_some();
            match clock.all {
                None => {}
                Some(ClockMode::Frozen(now)) => {
                    json["frozen"] = true.into();
                    json["now"] = timestamp::rfc3339(now).into();
                }
                Some(ClockMode::Offset(ahead)) => {
                    json["frozen"] = false.into();
                    json["ahead"] = delta(ahead);
                }
            }
            writeln!(out, "\"clock\":{json},")?;
        }
        if is_whole {
            settings["all"] = memory.overrides.to_json();
            writeln!(out, "\"declared_only\":{},", memory.declared_only)?;
        }
        let windows = by_store(
            &memory.windows,
            |window| json!({ "opened_at": timestamp::rfc3339(window.opened_at), "counted": window.counted }),
        );
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
        write!(out, "{{\"number\":{},\"written\":{},", profile.number(), profile.revision())?;
        out.write_all(&line[1..])?;
    }
    out.write_all(b"],\"events\":[")?;
    let mut comma: &[u8] = b"\n";
    for (number, event, customer) in state.events(0) {
        let mut json = event_json(&event, customer.identifiers());
        json["number"] = number.into();
        json["customer_number"] = customer.number().into();
        out.write_all(std::mem::replace(&mut comma, b",\n"))?;
        write!(out, "{json}")?;
    }
    out.write_all(b"],\"pending\":[")?;
    let mut comma: &[u8] = b"\n";
    for pending in state.pending() {
        out.write_all(std::mem::replace(&mut comma, b",\n"))?;
        write!(out, "{}", pending_json(pending))?;
    }
    out.write_all(b"]}")
}

fn by_store<T>(map: &BTreeMap<String, T>, to_json: impl Fn(&T) -> Value) -> Value {
    map.iter().map(|(store, value)| (store.clone(), to_json(value))).collect()
}

fn delta(delta: TimeDelta) -> Value {
    json!({ "seconds": delta.num_seconds(), "nanoseconds": delta.subsec_nanos() })
}

/// An event as in a seed, with one identifier of its customer.
fn event_json(event: &Event, of: &Identifiers) -> Value {
    let customer = match of {
        Identifiers { external_id: Some(id), .. } => json!({ "external_id": id }),
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
    let mut json = json!({ "request": pending.request, "applies_at": timestamp::rfc3339(pending.visible_at) });
    let customer = match &*pending.write {
        Accepted::Customer(customer) => customer,
        Accepted::Event(event, customer) => {
            json["event"] = event_json(event, &customer.identifiers());
            customer
        }
    };
    json["customer"] = json!(customer);
    json["customer"]["custom_properties"] = json!(customer.custom_properties);
    json
}
