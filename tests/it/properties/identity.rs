//! Identity and merging: a naive model must agree with the emulator after every write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Client, config, form_encoded};
use crate::support::Emulator;
use yotpo_mock::Store;

/// Shared by all cases; each has its own store.
static EMULATOR: LazyLock<Emulator> = LazyLock::new(Emulator::undeclared);

/// Few enough that the suite stays quick: a case sends about a hundred requests.
const CASES: u32 = 48;

/// The custom properties that writes set, two of them.
const PROPERTIES: [&str; 2] = ["p", "q"];

/// A write of a customer, or of an event with its customer. There are few identifiers, so that customers often meet.
#[derive(Clone, Debug, Default)]
struct Write {
    /// By field: `external_id`, `email`, `phone_number`, `first_name`, and `city` of the address.
    texts: BTreeMap<&'static str, String>,
    properties: BTreeMap<&'static str, u8>,
    /// The unique id of the event.
    event: Option<u8>,
}

impl Write {
    fn text(&self, name: &str) -> Option<&String> {
        self.texts.get(name)
    }

    /// Whether both have an identifier with the same value. E-mail addresses are compared case-insensitively.
    fn shares(&self, other: &Write, name: &str) -> bool {
        let value = |write: &Write| {
            write.text(name).map(|text| if name == "email" { text.to_lowercase() } else { text.clone() })
        };
        value(self).is_some() && value(self) == value(other)
    }

    fn shares_contact(&self, other: &Write) -> bool {
        self.shares(other, "email") || self.shares(other, "phone_number")
    }

    /// Adds the values of another write that this one lacks.
    fn fill(&mut self, other: &Write) {
        for (name, text) in &other.texts {
            self.texts.entry(name).or_insert_with(|| text.clone());
        }
        for (key, value) in &other.properties {
            self.properties.entry(key).or_insert(*value);
        }
    }

    fn customer(&self) -> Value {
        let mut customer = Map::new();
        for (name, text) in &self.texts {
            match *name {
                "city" => customer.insert("address".to_owned(), json!({ "city": text })),
                name => customer.insert(name.to_owned(), json!(text)),
            };
        }
        customer.insert("custom_properties".to_owned(), json!(self.properties));
        customer.into()
    }

    fn send(&self, client: &mut Client) {
        match self.event {
            None => client.upsert(&self.customer()),
            Some(id) => {
                client.upsert_event(&json!({ "unique_id": id.to_string(), "type": "t", "customer": self.customer() }))
            }
        }
    }
}

/// Writes whose identifiers contain a letter; writes with different letters share none.
fn write(letter: char) -> impl Strategy<Value = Write> {
    let email = (0..3_u8, any::<bool>()).prop_map(move |(at, is_upper)| {
        let email = format!("{letter}{at}@example.com");
        if is_upper { email.to_uppercase() } else { email }
    });
    let phone = (0..3_u8).prop_map(move |at| format!("+{}00000{at}", u32::from(letter)));
    let id = (0..3_u8).prop_map(move |at| format!("{letter}-{at}"));
    let identifiers = prop_oneof![
        3 => (id, option::of(email.clone()), option::of(phone.clone())).prop_map(|(id, email, phone)| [Some(id), email, phone]),
        1 => email.prop_map(|email| [None, Some(email), None]),
        1 => phone.prop_map(|phone| [None, None, Some(phone)]),
    ];
    // An empty text is a value, too.
    let text = option::of("[a-b]{0,1}");
    let properties = proptest::collection::btree_map(proptest::sample::select(&PROPERTIES[..]), 0..3_u8, 0..2);
    (identifiers, text.clone(), text, properties, option::weighted(0.3, 0..4_u8)).prop_map(
        |([external_id, email, phone_number], first_name, city, properties, event)| {
            let texts = [
                ("external_id", external_id),
                ("email", email),
                ("phone_number", phone_number),
                ("first_name", first_name),
                ("city", city),
            ];
            Write {
                texts: texts.into_iter().filter_map(|(name, text)| Some((name, text?))).collect(),
                properties,
                event,
            }
        },
    )
}

/// A new store for each case.
fn new_store() -> (Store, Client) {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = format!("case-{}", LAST.fetch_add(1, Ordering::Relaxed));
    let store = EMULATOR.mock.store(id);
    let client = Client::new(EMULATOR.address(), store.id(), store.access_token());
    (store, client)
}

/// The content of a store in short: customers in the order of creation, and events in the order of arrival with the identifiers of
/// their customers.
type Content = (Vec<Value>, Vec<(String, [Option<String>; 3])>);

fn content(store: &Store, client: &mut Client) -> Content {
    let customers = client.all_customers(100).into_iter().map(|customer| {
        json!({
            "external_id": customer["external_id"],
            "email": customer["email"],
            "phone_number": customer["phone_number"],
            "first_name": customer["first_name"],
            "city": customer["address"]["city"],
            "properties": customer["custom_properties"],
        })
    });
    let events = store.events().into_iter().map(|event| {
        let identifiers = [event.external_id(), event.email(), event.phone_number()];
        (event.unique_id().to_owned(), identifiers.map(|text| text.map(str::to_owned)))
    });
    (customers.collect(), events.collect())
}

/// A customer of the model.
#[derive(Clone, Debug)]
struct Customer {
    number: usize,
    written: usize,
    values: Write,
    events: BTreeSet<u8>,
}

/// Section "Identity and merging" of the contract, with lists and loops.
#[derive(Default)]
struct Model {
    /// In the order of creation.
    customers: Vec<Customer>,
    created: usize,
    writes: usize,
    /// The unique ids of the events, in the order of arrival.
    events: Vec<u8>,
}

impl Model {
    /// The position of the customer that a write updates.
    fn target(&self, write: &Write) -> Option<usize> {
        let customers = || self.customers.iter().enumerate();
        let target = if write.text("external_id").is_some() {
            let anonymous = || customers().filter(|(_, customer)| customer.values.text("external_id").is_none());
            customers()
                .find(|(_, customer)| customer.values.shares(write, "external_id"))
                .or_else(|| anonymous().find(|(_, customer)| customer.values.shares(write, "email")))
                .or_else(|| anonymous().find(|(_, customer)| customer.values.shares(write, "phone_number")))
        } else {
            customers()
                .filter(|(_, customer)| customer.values.shares_contact(write))
                .max_by_key(|(_, customer)| customer.written)
        };
        target.map(|(at, _)| at)
    }

    fn write(&mut self, write: &Write) {
        self.writes += 1;
        let mut target = match self.target(write) {
            Some(at) => self.customers.remove(at),
            None => {
                self.created += 1;
                Customer { number: self.created, written: 0, values: Write::default(), events: BTreeSet::new() }
            }
        };
        target.written = self.writes;
        let before = std::mem::replace(&mut target.values, Write { event: None, ..write.clone() });
        target.values.fill(&before);
        while let Some(at) = self
            .customers
            .iter()
            .position(|other| other.values.text("external_id").is_none() && other.values.shares_contact(&target.values))
        {
            let merged = self.customers.remove(at);
            target.values.fill(&merged.values);
            target.events.extend(merged.events);
        }
        if let Some(event) = write.event {
            for customer in &mut self.customers {
                customer.events.remove(&event);
            }
            target.events.insert(event);
            if !self.events.contains(&event) {
                self.events.push(event);
            }
        }
        let at = self.customers.iter().position(|other| other.number > target.number);
        self.customers.insert(at.unwrap_or(self.customers.len()), target);
    }

    fn content(&self) -> Content {
        let text = |customer: &Customer, name| customer.values.text(name).cloned();
        let customers = self.customers.iter().map(|customer| {
            json!({
                "external_id": text(customer, "external_id"),
                "email": text(customer, "email"),
                "phone_number": text(customer, "phone_number"),
                "first_name": text(customer, "first_name"),
                "city": text(customer, "city"),
                "properties": customer.values.properties,
            })
        });
        let events = self.events.iter().map(|event| {
            let customer = self.customers.iter().find(|customer| customer.events.contains(event));
            let customer = customer.expect("each event has a customer");
            (event.to_string(), ["external_id", "email", "phone_number"].map(|name| text(customer, name)))
        });
        (customers.collect(), events.collect())
    }
}

/// Looks up every identifier of the writes of a letter, and compares the results with the whole list.
fn check_lookups(letter: char, client: &mut Client, customers: &[Value]) {
    let values = (0..3).flat_map(|at| {
        [
            ("external_ids", "external_id", format!("{letter}-{at}")),
            ("email", "email", format!("{letter}{at}@example.com")),
            ("phone_number", "phone_number", format!("+{}00000{at}", u32::from(letter))),
        ]
    });
    let identifiers = |customer: &Value| ["external_id", "email", "phone_number"].map(|name| customer[name].clone());
    for (parameter, field, value) in values {
        let (found, _) = client.page(&format!("{parameter}={}", form_encoded(&value)));
        let has_value = |customer: &&Value| customer[field].as_str().is_some_and(|text| text.to_lowercase() == value);
        let expected: Vec<_> = customers.iter().filter(has_value).map(identifiers).collect();
        assert_eq!(found.iter().map(identifiers).collect::<Vec<_>>(), expected, "{parameter}={value}");
    }
}

/// Checks what must hold for all customers after a write. `seen` has which fields of each customer were set before.
fn check_after(write: &Write, customers: &[Value], seen: &mut BTreeMap<String, Vec<bool>>) {
    let ids: Vec<_> = customers.iter().filter_map(|customer| customer["external_id"].as_str()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an external id has two profiles");
    for name in ["email", "phone_number"] {
        let Some(value) = write.text(name).map(|text| text.to_lowercase()) else {
            continue;
        };
        let with_value = || {
            customers.iter().filter(|customer| customer[name].as_str().is_some_and(|text| text.to_lowercase() == value))
        };
        let is_anonymous = |customer: &&Value| customer["external_id"].is_null();
        if with_value().count() > 1 {
            assert_eq!(
                with_value().filter(is_anonymous).count(),
                0,
                "an anonymous customer with {value} was not merged"
            );
        }
    }
    for customer in customers {
        let Some(id) = customer["external_id"].as_str() else {
            continue;
        };
        let is_set = ["email", "phone_number", "first_name", "city"].map(|name| !customer[name].is_null());
        let before = seen.insert(id.to_owned(), is_set.to_vec()).unwrap_or_default();
        assert!(before.iter().zip(is_set).all(|(before, now)| now || !before), "{id} lost a field");
    }
}

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn the_model_agrees_after_every_write(writes in vec(write('a'), 1..40)) {
        let (store, mut client) = new_store();
        let mut model = Model::default();
        let mut seen = BTreeMap::new();
        for write in &writes {
            write.send(&mut client);
            model.write(write);
            let content = content(&store, &mut client);
            prop_assert_eq!(&content, &model.content());
            check_after(write, &content.0, &mut seen);
        }
        check_lookups('a', &mut client, &model.content().0);
    }

    #[test]
    fn a_write_that_is_sent_twice_changes_nothing_the_second_time(writes in vec(write('a'), 1..20)) {
        let (store, mut client) = new_store();
        for write in &writes {
            write.send(&mut client);
            let once = content(&store, &mut client);
            write.send(&mut client);
            prop_assert_eq!(content(&store, &mut client), once);
        }
    }

    #[test]
    fn writes_without_a_shared_identifier_commute_except_for_their_order(
        ours in vec(write('a'), 1..20),
        theirs in vec(write('b'), 1..20),
        turns in vec(any::<bool>(), 40),
    ) {
        // The two sides share no event either.
        let theirs: Vec<_> = theirs.into_iter().map(|write| Write { event: write.event.map(|id| id + 100), ..write }).collect();
        let (one, mut client) = new_store();
        for write in ours.iter().chain(&theirs) {
            write.send(&mut client);
        }
        let mut expected = content(&one, &mut client);

        let (mixed, mut client) = new_store();
        let (mut left, mut right) = (ours.iter(), theirs.iter());
        for turn in turns.into_iter().chain([true; 20]).chain([false; 20]) {
            let next = if turn { left.next() } else { right.next() };
            if let Some(write) = next {
                write.send(&mut client);
            }
        }
        let mut actual = content(&mixed, &mut client);
        for (customers, events) in [&mut expected, &mut actual] {
            customers.sort_by_key(Value::to_string);
            events.sort();
        }
        prop_assert_eq!(actual, expected);
    }

    #[test]
    fn paging_returns_each_customer_that_existed_throughout_exactly_once(
        before in vec(write('a'), 1..30),
        limit in 1..5_usize,
        rounds in vec(vec(write('a'), 0..6), 1..20),
    ) {
        let (store, mut client) = new_store();
        for write in &before {
            write.send(&mut client);
        }
        // Only an external id stays the same over all writes.
        let ids = |customers: &[Value]| -> Vec<String> {
            customers.iter().filter_map(|customer| customer["external_id"].as_str().map(str::to_owned)).collect()
        };
        let throughout = ids(&content(&store, &mut client).0);
        let mut seen = Vec::new();
        let mut query = format!("limit={limit}");
        for writes in rounds.into_iter().chain(std::iter::repeat(Vec::new())) {
            let (customers, cursor) = client.page(&query);
            prop_assert!(customers.len() <= limit);
            seen.extend(ids(&customers));
            let Some(cursor) = cursor else { break };
            query = format!("page_info={cursor}");
            for write in &writes {
                write.send(&mut client);
            }
        }
        let once: BTreeSet<_> = seen.iter().collect();
        prop_assert_eq!(once.len(), seen.len(), "a customer was returned twice");
        prop_assert!(throughout.iter().all(|id| once.contains(id)), "{:?} existed throughout, {:?} were returned", throughout, seen);
    }

    #[test]
    fn a_snapshot_is_independent_of_later_writes(before in vec(write('a'), 1..20), after in vec(write('a'), 1..20)) {
        let (store, mut client) = new_store();
        for write in &before {
            write.send(&mut client);
        }
        let then = content(&store, &mut client);
        let snapshot = store.snapshot();
        for write in &after {
            write.send(&mut client);
        }
        store.restore(&snapshot);
        let restored = content(&store, &mut client);
        prop_assert_eq!(&restored, &then);
        check_lookups('a', &mut client, &restored.0);
    }
}
