//! Seeds: JSON documents with the customers and events that a store has before the first request.
//!
//! A seed is JSON or NDJSON, with one value a line; any sequence of JSON values is accepted. A value is either a whole document,
//! `{"stores":[{"id":"shop","secret":"…","customers":[…],"events":[…]}]}`, or, mostly in NDJSON, one entry of a store:
//! `{"store":"shop","customer":{…}}`, `{"store":"shop","event":{…}}`, `{"store":"shop","secret":"…"}`.
//!
//! Customers may have all fields, read-only ones included, and are stored without merging. An event refers to its customer by
//! `external_id`, or by `email` or `phone_number`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::invalid_document::{InvalidDocument, Mistake, Mistakes};
use super::strict_json::{self, InvalidJson, StrictObject};
use crate::domain::customer::{Customer, CustomerNumber};
use crate::domain::event::Event;
use crate::domain::identifiers::{ExternalId, Identifiers};
use crate::domain::json::{self, Malformed};
use crate::domain::store::StoreState;
use crate::domain::validation::{Validation, read_complete_customer, read_complete_event};

/// The stores that seeds and flags declare, by id.
pub type Stores = BTreeMap<String, StoreState>;

/// One value of a seed: a document, or one entry of a store.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedValue<'a> {
    /// For editors.
    #[serde(rename = "$schema")]
    _schema: Option<IgnoredAny>,
    #[serde(borrow)]
    stores: Option<Vec<StrictObject<SeedStore<'a>>>>,
    store: Option<String>,
    secret: Option<String>,
    #[serde(borrow)]
    customer: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Customers and events stay text until each is read, so that a large seed is never a tree in memory.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedStore<'a> {
    id: String,
    secret: Option<String>,
    #[serde(borrow, default)]
    customers: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
}

/// How the customers and events of a store are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    pub validation: Validation,
    /// The time of the store, which an event without a timestamp gets.
    pub now: DateTime<Utc>,
}

/// How many customers or events a seed has created and replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeedCounts {
    pub created: usize,
    pub replaced: usize,
}

/// The changes of a seed to one store.
#[derive(Debug, Default)]
pub struct Seeded {
    pub customers: SeedCounts,
    pub events: SeedCounts,
    /// The last customer before the seed; customers with greater numbers come from the seed.
    last_before: CustomerNumber,
    replaced: HashSet<CustomerNumber>,
    /// The last anonymous customer that was replaced, by email and phone number; the search for the next one begins after it.
    last_anonymous: HashMap<(Option<String>, Option<String>), CustomerNumber>,
}

impl SeedCounts {
    fn count(&mut self, replaces: bool) {
        if replaces {
            self.replaced += 1;
        } else {
            self.created += 1;
        }
    }
}

impl Seeded {
    /// Replaces the customer that corresponds to a seeded one, or appends the seeded one.
    ///
    /// # Errors
    ///
    /// Its external id, if the seed has it twice.
    fn put(&mut self, state: &mut StoreState, customer: Customer) -> Result<(), ExternalId> {
        let known = match &customer.external_id {
            Some(id) => {
                let by_id = Identifiers { external_id: Some(id.clone()), ..Identifiers::default() };
                let known = state.find(&by_id);
                if known.is_some_and(|number| number > self.last_before || self.replaced.contains(&number)) {
                    return Err(id.clone());
                }
                known
            }
            // At the start there is nothing to replace.
            None if self.last_before == 0 => None,
            None => self.anonymous(state, &customer.identifiers()),
        };
        self.customers.count(known.is_some());
        match known {
            Some(number) => {
                self.replaced.insert(number);
                state.replace(number, customer);
            }
            None => {
                state.append(customer);
            }
        }
        Ok(())
    }

    fn anonymous(&mut self, state: &StoreState, identifiers: &Identifiers) -> Option<CustomerNumber> {
        let email = identifiers.email.as_ref().map(|email| email.folded().into_owned());
        let phone_number = identifiers.phone_number.as_ref();
        let key = (email, phone_number.map(|number| number.as_str().to_owned()));
        let after = self.last_anonymous.get(&key).copied().unwrap_or_default();
        let found = state.find_anonymous(identifiers, after).filter(|number| *number <= self.last_before);
        self.last_anonymous.insert(key, found.unwrap_or(self.last_before));
        found
    }
}

/// The values of a seed, one after the other; the last one may be an error.
fn values<'a>(text: &'a str) -> impl Iterator<Item = Result<SeedValue<'a>, Mistake>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<StrictObject<SeedValue<'a>>>();
    let mut is_empty = text.trim().is_empty();
    std::iter::from_fn(move || {
        if std::mem::take(&mut is_empty) {
            return Some(Err(Mistake::Empty));
        }
        let start = values.byte_offset();
        let value = values.next()?.map(|StrictObject(value)| value);
        Some(value.map_err(|error| {
            let path = strict_json::path_of_error::<StrictObject<SeedValue<'a>>>(&text[start..]);
            InvalidJson::new(&path, &error).into()
        }))
    })
}

fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The ids of the stores in a seed.
///
/// # Errors
///
/// If the text is not a seed. Customers and events are not read.
pub(crate) fn store_ids(text: &str) -> Result<BTreeSet<String>, InvalidDocument> {
    let mut ids = BTreeSet::new();
    for value in values(without_byte_order_mark(text)) {
        let value = value?;
        ids.extend(value.store);
        ids.extend(value.stores.into_iter().flatten().map(|StrictObject(store)| store.id));
    }
    Ok(ids)
}

/// Reads a seed and adds its content to stores.
///
/// A customer replaces the one with its external id; without one, the oldest anonymous one with exactly its email and phone
/// number; otherwise it is appended. Events are identified by their unique ids. So a second run of the same seed creates nothing.
///
/// # Errors
///
/// The mistakes, with line, entry and field. The stores may then have a part of the seed, and must be discarded.
pub fn load(
    text: &str,
    read_options: impl Fn(&str) -> ReadOptions,
    stores: &mut Stores,
) -> Result<BTreeMap<String, Seeded>, InvalidDocument> {
    let text = without_byte_order_mark(text);
    let mut loader = Loader { text, stores, seeded: BTreeMap::new(), mistakes: Mistakes::default() };
    for value in values(text) {
        match value {
            Ok(value) => loader.add_value(value, &read_options),
            // Nothing can be read after text that is not JSON.
            Err(mistake) => {
                loader.mistakes.add(mistake);
                break;
            }
        }
        if loader.mistakes.is_full() {
            break;
        }
    }
    loader.mistakes.finish(loader.seeded)
}

/// Gives a store its secret.
///
/// # Errors
///
/// If it already has a different one, or the secret is empty.
pub(crate) fn declare(store: &mut StoreState, id: &str, secret: String) -> Result<(), Mistake> {
    match &store.credentials.secret {
        _ if secret.is_empty() => Err(Mistake::EmptySecret { store: id.to_owned() }),
        Some(known) if *known != secret => Err(Mistake::TwoSecrets { store: id.to_owned() }),
        _ => {
            store.credentials.secret = Some(secret);
            Ok(())
        }
    }
}

/// Adds the values of a seed to stores, and collects the mistakes.
struct Loader<'a, 'b> {
    text: &'a str,
    stores: &'b mut Stores,
    seeded: BTreeMap<String, Seeded>,
    mistakes: Mistakes,
}

impl<'a> Loader<'a, '_> {
    fn add_value(&mut self, value: SeedValue<'a>, read_options: &impl Fn(&str) -> ReadOptions) {
        let is_entry = value.secret.is_some() || value.customer.is_some() || value.event.is_some();
        match (value.stores, value.store) {
            (Some(stores), None) if !is_entry => {
                for (index, StrictObject(store)) in stores.into_iter().enumerate() {
                    let options = read_options(&store.id);
                    self.add_store(&format!("stores[{index}]."), store, options);
                }
            }
            (None, Some(id)) if is_entry => {
                let options = read_options(&id);
                let store = SeedStore {
                    id,
                    secret: value.secret,
                    customers: value.customer.into_iter().collect(),
                    events: value.event.into_iter().collect(),
                };
                self.add_store("", store, options);
            }
            _ => self.mistakes.add(Mistake::WrongKeys),
        }
    }

    /// Adds the content of one store. `prefix` is the path of the store with a dot; it is empty for a single entry.
    fn add_store(&mut self, prefix: &str, store: SeedStore<'a>, options: ReadOptions) {
        let path = |entries: &str, entry: &str, index: usize| match prefix {
            "" => entry.to_owned(),
            _ => format!("{prefix}{entries}[{index}]"),
        };
        let id = store.id;
        if id.is_empty() {
            let path = if prefix.is_empty() { "store".to_owned() } else { format!("{prefix}id") };
            return self.mistakes.add(Mistake::EmptyId { path });
        }
        let state = self.stores.entry(id.clone()).or_default();
        let last_before = state.last_customer();
        let seeded = self.seeded.entry(id.clone()).or_insert_with(|| Seeded { last_before, ..Seeded::default() });
        if let Some(secret) = store.secret {
            self.mistakes.keep(declare(state, &id, secret).map_err(InvalidDocument::from));
        }
        let reader = EntryReader::new(self.text, options);
        for (index, text) in store.customers.iter().enumerate() {
            if self.mistakes.is_full() {
                return;
            }
            let path = path("customers", "customer", index);
            self.mistakes.keep(reader.read(&path, text, |object| {
                let customer = reader.customer(&path, object)?;
                let result = seeded.put(state, customer);
                result.map_err(|external_id| Mistake::DuplicateCustomer {
                    path: path.clone(),
                    id: external_id.as_str().to_owned(),
                    store: id.clone(),
                })?;
                Ok(())
            }));
        }
        for (index, text) in store.events.iter().enumerate() {
            if self.mistakes.is_full() {
                return;
            }
            let path = path("events", "event", index);
            self.mistakes.keep(reader.read(&path, text, |object| {
                let (event, customer) = reader.event(&path, object)?;
                let customer = state.find(&customer);
                let customer =
                    customer.ok_or_else(|| Mistake::UnknownCustomer { path: path.clone(), store: id.clone() })?;
                seeded.events.count(state.has_event(&event.unique_id));
                state.put_event(event, customer);
                Ok(())
            }));
        }
    }
}

/// Reads the customers and events in a document.
#[derive(Clone, Copy)]
pub(super) struct EntryReader<'a> {
    text: &'a str,
    options: ReadOptions,
}

impl<'a> EntryReader<'a> {
    pub fn new(text: &'a str, options: ReadOptions) -> EntryReader<'a> {
        EntryReader { text, options }
    }

    /// Reads one object; an error gets the number of the line on which the object begins.
    pub fn read<T>(
        &self,
        path: &str,
        text: &'a RawValue,
        read: impl FnOnce(&mut Map<String, Value>) -> Result<T, InvalidDocument>,
    ) -> Result<T, InvalidDocument> {
        let path = || path.to_owned();
        let read = match json::parse_value(text.get().as_bytes()) {
            Ok(Value::Object(mut object)) => read(&mut object),
            Ok(_) => Err(Mistake::NotAnObject { path: path() }.into()),
            Err(Malformed::TooDeep) => Err(Mistake::TooDeep { path: path() }.into()),
            Err(Malformed::NotJson(source)) => Err(Mistake::Malformed { path: path(), source }.into()),
        };
        read.map_err(|error| {
            let before = text.get().as_ptr().addr() - self.text.as_ptr().addr();
            error.in_line(1 + self.text[..before].bytes().filter(|&byte| byte == b'\n').count())
        })
    }

    pub fn customer(&self, path: &str, object: &Map<String, Value>) -> Result<Customer, InvalidDocument> {
        Ok(read_complete_customer(path, object, self.options.validation)?)
    }

    pub fn event(&self, path: &str, object: &Map<String, Value>) -> Result<(Event, Identifiers), InvalidDocument> {
        Ok(read_complete_event(path, object, self.options.validation, self.options.now)?)
    }
}
