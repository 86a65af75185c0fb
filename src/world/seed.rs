//! Seeds: documents that say what is there before the first request.
//!
//! A seed is JSON, or NDJSON (one value a line); the content tells which. A value is either a document,
//! `{"stores":[{"id":"shop","secret":"…","customers":[…],"events":[…]}]}`, or, mostly in NDJSON, one thing of one store:
//! `{"store":"shop","customer":{…}}`, `{"store":"shop","event":{…}}`, `{"store":"shop","secret":"…"}`.
//!
//! Customers carry all fields, the read side included, and are taken as they are, unmerged. An event names its customer by
//! `external_id`, or by one of `email` and `phone_number`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::strict_json::StrictObject;
use crate::domain::customer::{Customer, CustomerNumber};
use crate::domain::event::Event;
use crate::domain::identifiers::Identifiers;
use crate::domain::json::{self, MAX_DEPTH, Malformed};
use crate::domain::store::StoreState;
use crate::domain::validation::{Validation, read_complete_customer, read_complete_event};

/// The stores that seeds and flags declare, by id.
pub type Stores = BTreeMap<String, StoreState>;

/// One value of a seed: a document, or one thing of one store.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedLine<'a> {
    #[serde(borrow)]
    stores: Option<Vec<StrictObject<Store<'a>>>>,
    store: Option<String>,
    secret: Option<String>,
    #[serde(borrow)]
    customer: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// Customers and events stay text until each is read in its turn, so that a large seed is never held as a tree.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store<'a> {
    id: String,
    secret: Option<String>,
    #[serde(borrow, default)]
    customers: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
}

/// What a store's customers and events are read under.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    pub validation: Validation,
    /// The time of the store, which stands in for an event's where that has none.
    pub now: DateTime<Utc>,
}

/// How many things of a kind a seed has added, and how many it has put in the place of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeedCounts {
    pub created: usize,
    pub replaced: usize,
}

/// What a seed has done to one store.
#[derive(Debug, Default)]
pub struct Seeded {
    pub customers: SeedCounts,
    pub events: SeedCounts,
    /// The last customer before the seed: those above it are the seed's own.
    last_before: CustomerNumber,
    replaced: HashSet<CustomerNumber>,
    /// The last unclaimed customer that was replaced, by email and phone number: the next with the same is sought above it.
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
    /// Puts a customer where the seed means it to be.
    ///
    /// # Errors
    ///
    /// Its external id, if that stands twice in the seed.
    fn put(&mut self, state: &mut StoreState, customer: Customer) -> Result<(), String> {
        let known = match &customer.external_id {
            Some(id) => {
                let by_id = Identifiers { external_id: Some(id.clone()), ..Identifiers::default() };
                let known = state.find(&by_id);
                if known.is_some_and(|number| number > self.last_before || self.replaced.contains(&number)) {
                    return Err(id.as_str().to_owned());
                }
                known
            }
            // A start finds nothing to replace, and need not look.
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

/// The values of a seed, one after the other.
fn items<'a>(text: &'a str) -> impl Iterator<Item = Result<SeedLine<'a>, String>> {
    let is_empty = text.trim().is_empty();
    let mut items = serde_json::Deserializer::from_str(text).into_iter::<SeedLine<'a>>();
    let mut told = false;
    std::iter::from_fn(move || {
        if is_empty {
            let first = !std::mem::replace(&mut told, true);
            return first.then(|| Err("it holds no JSON value".to_owned()));
        }
        // An array would be read by position where a name is missing.
        if text[items.byte_offset()..].trim_start().starts_with('[') {
            return Some(Err("it must be an object, or one object a line, and not an array".to_owned()));
        }
        Some(items.next()?.map_err(|error| error.to_string()))
    })
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The stores that a seed speaks of.
///
/// # Errors
///
/// If it is no seed; what its customers and events say is not looked at.
pub(crate) fn store_ids(text: &str) -> Result<BTreeSet<String>, String> {
    let mut ids = BTreeSet::new();
    for item in items(without_mark(text)) {
        let item = item?;
        ids.extend(item.store);
        ids.extend(item.stores.into_iter().flatten().map(|StrictObject(store)| store.id));
    }
    Ok(ids)
}

/// Reads a seed and adds what it says.
///
/// A customer takes the place of the one with its external id; without one, of the oldest unclaimed one with exactly its email
/// and phone number; else it is appended. Events go by their unique id. So a seed that is added twice adds nothing the second
/// time.
///
/// # Errors
///
/// What is wrong, with line, entry and field. What was added before stays: the caller throws it away.
pub fn load(
    text: &str,
    read_options: impl Fn(&str) -> ReadOptions,
    stores: &mut Stores,
) -> Result<BTreeMap<String, Seeded>, String> {
    let text = without_mark(text);
    let mut seeded = BTreeMap::new();
    for item in items(text) {
        add_item(text, item?, &read_options, stores, &mut seeded)?;
    }
    Ok(seeded)
}

/// Gives a store its secret.
///
/// # Errors
///
/// If it has another one already, or the secret is empty.
pub(crate) fn declare(store: &mut StoreState, id: &str, secret: String) -> Result<(), String> {
    match &store.credentials.secret {
        _ if secret.is_empty() => Err(format!("the secret of store `{id}` is empty")),
        Some(known) if *known != secret => Err(format!("store `{id}` is declared with two different secrets")),
        _ => {
            store.credentials.secret = Some(secret);
            Ok(())
        }
    }
}

fn add_item<'a>(
    text: &'a str,
    item: SeedLine<'a>,
    read_options: &impl Fn(&str) -> ReadOptions,
    stores: &mut Stores,
    seeded: &mut BTreeMap<String, Seeded>,
) -> Result<(), String> {
    let single = item.secret.is_some() || item.customer.is_some() || item.event.is_some();
    let mut into = |path: &str, store: Store<'a>, names: [&str; 2]| {
        if store.id.is_empty() {
            let name = if path.is_empty() { "store" } else { "id" };
            return Err(format!("{path}{name} is empty"));
        }
        let state = stores.entry(store.id.clone()).or_default();
        if !seeded.contains_key(&store.id) {
            let anew = Seeded { last_before: state.last_customer(), ..Seeded::default() };
            seeded.insert(store.id.clone(), anew);
        }
        let seeded = seeded.get_mut(&store.id).expect("it was just put there");
        let reader = Reader::new(text, read_options(&store.id));
        reader.add_store(path, names, store, state, seeded)
    };
    match (item.stores, item.store) {
        (Some(documents), None) if !single => {
            let mut documents = documents.into_iter().enumerate();
            documents.try_for_each(|(at, StrictObject(store))| {
                into(&format!("stores[{at}]."), store, ["customers", "events"])
            })
        }
        (None, Some(id)) if single => {
            let store = Store {
                id,
                secret: item.secret,
                customers: item.customer.into_iter().collect(),
                events: item.event.into_iter().collect(),
            };
            into("", store, ["customer", "event"])
        }
        _ => Err("each value must have either `stores`, or `store` beside `secret`, `customer` or `event`".to_owned()),
    }
}

/// Reads customers and events out of a text, under the conditions of one store.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    text: &'a str,
    validation: Validation,
    now: DateTime<Utc>,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str, read_options: ReadOptions) -> Reader<'a> {
        let ReadOptions { validation, now } = read_options;
        Reader { text, validation, now }
    }

    fn add_store(
        &self,
        path: &str,
        [customers, events]: [&str; 2],
        store: Store<'a>,
        state: &mut StoreState,
        seeded: &mut Seeded,
    ) -> Result<(), String> {
        let id = &store.id;
        if let Some(secret) = store.secret {
            declare(state, id, secret)?;
        }
        let place = |name: &str, at: usize| match path {
            "" => name.to_owned(),
            _ => format!("{path}{name}[{at}]"),
        };
        for (at, text) in store.customers.iter().enumerate() {
            let path = place(customers, at);
            self.read(&path, text, |object| {
                let customer = self.customer(&path, object)?;
                seeded.put(state, customer).map_err(|taken| {
                    format!("{path}.external_id `{taken}` is already that of another customer of store `{id}`")
                })
            })?;
        }
        for (at, text) in store.events.iter().enumerate() {
            let path = place(events, at);
            self.read(&path, text, |object| {
                let (event, customer) = self.event(&path, object)?;
                let customer = state.find(&customer).ok_or_else(|| {
                    format!("{path}.customer names no customer of store `{id}` that stands before it")
                })?;
                seeded.events.count(state.has_event(&event.unique_id));
                state.put_event(event, customer);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Reads one object; an error gains the number of the line on which the object begins.
    pub fn read<T>(
        &self,
        path: &str,
        text: &'a RawValue,
        read: impl FnOnce(&mut Map<String, Value>) -> Result<T, String>,
    ) -> Result<T, String> {
        let read = match json::parse_value(text.get().as_bytes()) {
            Ok(Value::Object(mut object)) => read(&mut object),
            Ok(_) => Err(format!("{path} must be an object")),
            Err(Malformed::TooDeep) => Err(format!("{path} is nested deeper than {MAX_DEPTH} levels")),
            Err(Malformed::NotJson(error)) => Err(format!("{path}: {error}")),
        };
        read.map_err(|error| {
            let before = text.get().as_ptr().addr() - self.text.as_ptr().addr();
            let line = 1 + self.text[..before].bytes().filter(|&byte| byte == b'\n').count();
            format!("line {line}: {error}")
        })
    }

    pub fn customer(&self, path: &str, object: &Map<String, Value>) -> Result<Customer, String> {
        read_complete_customer(path, object, self.validation).map_err(|error| error.to_string())
    }

    pub fn event(&self, path: &str, object: &Map<String, Value>) -> Result<(Event, Identifiers), String> {
        read_complete_event(path, object, self.validation, self.now).map_err(|error| error.to_string())
    }
}
