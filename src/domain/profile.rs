//! The profile: a customer as a store keeps it.

use std::cell::{Cell, RefCell};
use std::thread;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::customer::{Customer, Identifiers, Include, Number, OnRequest};
use super::lineage::{self, Lineage, Step};

thread_local! {
    /// Where customers are rendered before they are kept at their exact size: a buffer of its own for each, cut down to size,
    /// would leave a hole behind every one of them.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A customer as a store keeps it: rendered once when it is written, joined into pages as it is.
///
/// Nothing that can be read back from the rendered JSON is kept beside it.
#[derive(Debug)]
pub struct Profile {
    pub(super) number: Number,
    /// The store's count of writes when this profile was written last.
    pub(super) written: u64,
    /// How it came to be what it is.
    pub(super) lineage: Lineage,
    /// All fields that every page carries, as a JSON object less its closing brace.
    fields: Box<[u8]>,
    on_request: Option<Box<RenderedOnRequest>>,
}

#[derive(Debug)]
struct RenderedOnRequest {
    custom_properties: Box<RawValue>,
    loyalty: Option<Box<RawValue>>,
    yotpo_ugc: Option<Box<RawValue>>,
}

/// How many customers a thread that is [polite](drop_politely) drops before it lets others go first.
const DROPS_AT_A_TIME: u32 = 16;

thread_local! {
    /// Of a polite thread: how many customers it still drops before it lets others go first.
    static DROPS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Drops something, however many customers that frees, and lets others go first all the time: without that the allocator of the
/// system may keep a thread that writes waiting for as long as this takes.
pub(crate) fn drop_politely<T>(forgotten: T) {
    DROPS_LEFT.set(Some(DROPS_AT_A_TIME));
    drop(forgotten);
    DROPS_LEFT.set(None);
}

impl Drop for Profile {
    fn drop(&mut self) {
        match DROPS_LEFT.get() {
            None => {}
            Some(0) => {
                DROPS_LEFT.set(Some(DROPS_AT_A_TIME));
                thread::yield_now();
            }
            Some(left) => DROPS_LEFT.set(Some(left - 1)),
        }
    }
}

impl Profile {
    pub(crate) fn new(number: Number, written: u64, customer: Customer, lineage: Lineage) -> Profile {
        let fields = SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            serde_json::to_writer(&mut *scratch, &customer)
                .expect("a customer is texts and booleans, and a Vec takes all writes");
            let brace = scratch.pop();
            debug_assert_eq!(brace, Some(b'}'));
            Box::from(scratch.as_slice())
        });
        let on_request = customer.on_request;
        let on_request = (!on_request.is_empty()).then(|| {
            Box::new(RenderedOnRequest {
                custom_properties: serde_json::value::to_raw_value(&on_request.custom_properties)
                    .expect("properties are JSON values under string keys"),
                loyalty: on_request.loyalty,
                yotpo_ugc: on_request.yotpo_ugc,
            })
        });
        Profile {
            number,
            written,
            lineage,
            fields,
            on_request,
        }
    }

    /// The customer's place in the order of creation.
    pub fn number(&self) -> Number {
        self.number
    }

    /// The steps by which the customer came to be what it is, the first of those that are kept first.
    pub fn lineage(&self) -> Vec<&Step> {
        lineage::steps(&self.lineage)
    }

    /// The store's count of writes when this profile was written last.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Reads the customer back from what was rendered.
    pub fn customer(&self) -> Customer {
        let mut text = Vec::with_capacity(self.fields.len() + 1);
        text.extend_from_slice(&self.fields);
        text.push(b'}');
        let mut customer: Customer =
            serde_json::from_slice(&text).expect("a profile holds what was rendered from a customer");
        if let Some(rendered) = &self.on_request {
            customer.on_request = OnRequest {
                custom_properties: serde_json::from_str(rendered.custom_properties.get())
                    .expect("a profile holds what was rendered from a customer"),
                loyalty: rendered.loyalty.clone(),
                yotpo_ugc: rendered.yotpo_ugc.clone(),
            };
        }
        customer
    }

    /// Reads the identifiers back; they come first in the rendered JSON, so the rest is not looked at.
    pub(super) fn identifiers(&self) -> Identifiers {
        fn value<'a, T: Deserialize<'a>>(rest: &mut &'a [u8], name: &str) -> Option<T> {
            // `{"` or `,"`, the name, `":`
            *rest = &rest[name.len() + 4..];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Option<T>>();
            let value = values
                .next()
                .and_then(Result::ok)
                .expect("a profile begins with its three identifiers");
            *rest = &rest[values.byte_offset()..];
            value
        }
        let mut rest: &[u8] = &self.fields;
        Identifiers {
            external_id: value(&mut rest, "external_id"),
            email: value(&mut rest, "email"),
            phone_number: value(&mut rest, "phone_number"),
        }
    }

    /// Appends the customer as one JSON object, with the parts that were asked for.
    pub fn write_json(&self, include: Include, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fields);
        let on_request = self.on_request.as_deref();
        let parts = [
            (
                include.custom_properties,
                "custom_properties",
                on_request.map(|rendered| &rendered.custom_properties),
                "{}",
            ),
            (
                include.loyalty,
                "loyalty",
                on_request.and_then(|rendered| rendered.loyalty.as_ref()),
                "null",
            ),
            (
                include.reviews,
                "yotpo_ugc",
                on_request.and_then(|rendered| rendered.yotpo_ugc.as_ref()),
                "null",
            ),
        ];
        for (wanted, name, rendered, absent) in parts {
            if wanted {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                out.extend_from_slice(rendered.map_or(absent, |json| json.get()).as_bytes());
            }
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::customer::{ExternalId, PhoneNumber};

    #[test]
    fn a_profile_gives_back_what_was_put_in() {
        let customer = Customer {
            external_id: Some(ExternalId("a \"quoted\"\\ id\0".into())),
            phone_number: Some(PhoneNumber("+14155552671".into())),
            first_name: Some("Žofie".into()),
            ..Customer::default()
        };
        let profile = Profile::new(1, 1, customer.clone(), None);
        assert_eq!(profile.identifiers(), customer.identifiers());
        assert_eq!(profile.customer().first_name, customer.first_name);
    }
}
