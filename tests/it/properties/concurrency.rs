//! Concurrent requests: no write is lost, and no response shows half of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::Client;
use crate::support::Emulator;

const WRITERS: usize = 8;
const READERS: usize = 2;
const CUSTOMERS: usize = 8;

/// How often each writer writes.
const ROUNDS: usize = 100;

/// Ends the threads that loop until it is set, also if the test fails before.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The customer that a writer writes in a round.
fn customer_of(writer: usize, round: usize) -> usize {
    (writer + round) % CUSTOMERS
}

/// One write of a writer. It sets two properties of its own to the same value, and identifies the customer in one of four ways.
fn write(client: &mut Client, writer: usize, round: usize) {
    let customer = customer_of(writer, round);
    let (id, email, phone) =
        (format!("c-{customer}"), format!("s{customer}@example.com"), format!("+1000000{customer}"));
    let mut body = match round % 4 {
        0 => json!({ "external_id": id, "email": email }),
        1 => json!({ "email": email }),
        2 => json!({ "phone_number": phone }),
        _ => json!({ "external_id": id, "email": email, "phone_number": phone }),
    };
    body["custom_properties"] = json!({ format!("left_{writer}"): round, format!("right_{writer}"): round });
    client.upsert(&body);
}

/// Checks what must hold for any one response, whatever is written meanwhile.
fn check_page(customers: &[Value]) {
    let mut ids = BTreeSet::new();
    for customer in customers {
        let properties = customer["custom_properties"].as_object().expect("they were requested");
        for (key, left) in properties.iter().filter(|(key, _)| key.starts_with("left_")) {
            assert_eq!(properties.get(&key.replace("left", "right")), Some(left), "half a write is visible");
        }
        if let Some(id) = customer["external_id"].as_str() {
            assert!(ids.insert(id), "{id} has two profiles");
        }
    }
    for anonymous in customers.iter().filter(|customer| customer["external_id"].is_null()) {
        for name in ["email", "phone_number"] {
            let shares = |other: &&Value| !anonymous[name].is_null() && other[name] == anonymous[name];
            let expected = usize::from(!anonymous[name].is_null());
            assert_eq!(customers.iter().filter(shares).count(), expected, "half a merge is visible");
        }
    }
}

#[test]
fn concurrent_writers_lose_nothing_and_readers_see_whole_merges() {
    let emulator = Emulator::undeclared();
    let client = || Client::new(emulator.address(), "shop", "any");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _done = SetOnDrop(&done);
        let write_all = |writer| {
            let mut client = client();
            (1..=ROUNDS).for_each(|round| write(&mut client, writer, round));
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write_all(writer))).collect();
        for _ in 0..READERS {
            scope.spawn(|| {
                let mut client = client();
                // All customers fit one page, and a page is one view of the store.
                while !done.load(Ordering::Relaxed) {
                    check_page(&client.all_customers(100));
                }
            });
        }
        for writer in writers {
            writer.join().expect("each write is accepted");
        }
    });

    let customers = client().all_customers(3);
    check_page(&customers);
    assert_eq!(customers.len(), CUSTOMERS, "each customer has its external id in the end");
    let mut last = BTreeMap::new();
    for (writer, round) in (0..WRITERS).flat_map(|writer| (1..=ROUNDS).map(move |round| (writer, round))) {
        last.insert((customer_of(writer, round), writer), round);
    }
    for ((customer, writer), round) in last {
        let id = format!("c-{customer}");
        let customer = customers.iter().find(|customer| customer["external_id"] == id);
        let properties = &customer.expect("it was written")["custom_properties"];
        assert_eq!(properties[format!("left_{writer}")], round, "the last write of writer {writer} to {id} is lost");
    }
}

#[test]
fn paging_during_writes_returns_each_customer_that_existed_throughout_exactly_once() {
    let seeded: Vec<_> = (0..300).map(|at| format!("p-{at}")).collect();
    let customers: Vec<_> = seeded.iter().map(|id| json!({ "external_id": id })).collect();
    let emulator = Emulator::undeclared();
    let seed = json!({ "stores": [{ "id": "shop", "customers": customers }] });
    emulator.mock.seed(&seed.to_string()).expect("a valid seed");
    let client = || Client::new(emulator.address(), "shop", "any");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _done = SetOnDrop(&done);
        for writer in 0..2 {
            let (client, done) = (&client, &done);
            scope.spawn(move || {
                let mut client = client();
                (1..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(|round| write(&mut client, writer, round));
            });
        }
        for limit in (1..=100).step_by(9) {
            let customers = client().all_customers(limit);
            let ids = customers.iter().filter_map(|customer| customer["external_id"].as_str());
            let throughout: Vec<_> = ids.filter(|id| id.starts_with("p-")).collect();
            assert_eq!(throughout, seeded, "with a limit of {limit}");
        }
    });
}

/// Two seeds that share a store, and writes to that store, which each of them may create.
#[test]
fn concurrent_seeds_and_writes_of_the_same_stores_lose_nothing() {
    const ROUNDS: usize = 20;
    let emulator = Emulator::undeclared();
    for round in 0..ROUNDS {
        let [shared, left, right] = ["shared", "left", "right"].map(|name| format!("{name}-{round}"));
        thread::scope(|scope| {
            for other in [&left, &right] {
                let (mock, shared) = (&emulator.mock, &shared);
                scope.spawn(move || {
                    let seeded = |id: &str| json!({ "id": id, "customers": [{ "external_id": format!("seeded with {other}") }] });
                    let seed = json!({ "stores": [seeded(other), seeded(shared)] });
                    mock.seed(&seed.to_string()).expect("a valid seed");
                });
            }
            let mut client = Client::new(emulator.address(), &shared, "any");
            for at in 0..5 {
                client.upsert(&json!({ "external_id": format!("written {at}") }));
            }
        });
        let ids = |store: &str| -> BTreeSet<_> {
            let customers = emulator.mock.store(store).customers();
            customers.iter().filter_map(|customer| customer.external_id().map(str::to_owned)).collect()
        };
        let expected = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<_>>();
        let [by_left, by_right] = [&left, &right].map(|other| format!("seeded with {other}"));
        assert_eq!(ids(&left), expected(std::slice::from_ref(&by_left)));
        assert_eq!(ids(&right), expected(std::slice::from_ref(&by_right)));
        let mut all: Vec<_> = (0..5).map(|at| format!("written {at}")).collect();
        all.extend([by_left, by_right]);
        assert_eq!(ids(&shared), expected(&all), "in round {round}");
    }
}
