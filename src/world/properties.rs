//! The laws of a store under many hands: writers and readers at once, on the few shoppers that all of them share.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::*;
use crate::domain::customer::{Customer, Include};
use crate::domain::json::Json;
use crate::domain::pagination::{Filter, PageRequest};
use crate::domain::store::Write;
use crate::domain::validation::{Diagnostics, Validation, ValidationOptions, read_customer};

const WRITERS: usize = 16;
const READERS: usize = 4;
const SHOPPERS: usize = 8;

/// How often each writer writes: a few seconds in a debug build.
const ROUNDS: u64 = 400;

/// A write of one writer: it tells two properties of its own, always the same in both.
fn write(world: &Arc<World>, writer: usize, round: u64) {
    let shopper = (writer + usize::try_from(round).expect("rounds are few")) % SHOPPERS;
    let (id, email, phone) = (
        format!("c-{shopper}"),
        format!("s{shopper}@example.com"),
        format!("+1000000{shopper}"),
    );
    let told = json!({format!("left_{writer}"): round, format!("right_{writer}"): round});
    let customer = match round % 4 {
        0 => json!({"external_id": id, "email": email, "custom_properties": told}),
        1 => json!({"email": email, "custom_properties": told}),
        2 => json!({"phone_number": phone, "custom_properties": told}),
        _ => json!({"external_id": id, "email": email, "phone_number": phone, "custom_properties": told}),
    };
    let visit = world.request_scope().store_scope("shop");
    let read = read_customer(
        &Json::from(&json!({ "customer": customer })),
        ValidationOptions::default(),
        visit.now,
        &mut Diagnostics::default(),
    );
    visit.accept(Write::Customer(read.expect("it breaks no rule")), round);
}

/// All customers of one look, page by page.
fn look(world: &Arc<World>, limit: usize) -> Vec<Value> {
    let visit = world.request_scope().store_scope("shop");
    let mut customers = Vec::new();
    let mut after = 0;
    loop {
        let request = PageRequest {
            filter: Filter::default(),
            include: Include {
                custom_properties: true,
                ..Include::default()
            },
            limit,
            after,
        };
        let page = visit.page(&request).expect("an empty page is a page");
        for profile in page.customers() {
            after = profile.number();
            let mut line = Vec::new();
            profile.write_json(request.include, &mut line);
            customers.push(serde_json::from_slice(&line).expect("JSON"));
        }
        if !page.has_more() {
            return customers;
        }
    }
}

/// What must hold of every single look, whatever is written meanwhile.
fn check(customers: &[Value]) {
    let mut ids = BTreeSet::new();
    for customer in customers {
        let properties = customer["custom_properties"].as_object().expect("it was asked for");
        for (key, left) in properties.iter().filter(|(key, _)| key.starts_with("left_")) {
            assert_eq!(
                properties.get(&key.replace("left", "right")),
                Some(left),
                "half a write was seen"
            );
        }
        if let Some(id) = customer["external_id"].as_str() {
            assert!(ids.insert(id.to_owned()), "{id} has two profiles");
        }
    }
    for unclaimed in customers.iter().filter(|customer| customer["external_id"].is_null()) {
        for name in ["email", "phone_number"] {
            let shares = |other: &&Value| !unclaimed[name].is_null() && other[name] == unclaimed[name];
            assert_eq!(
                customers.iter().filter(shares).count(),
                usize::from(!unclaimed[name].is_null()),
                "half a merge was seen"
            );
        }
    }
}

#[test]
fn many_writers_lose_nothing_and_no_reader_sees_half_a_merge() {
    let world = Arc::new(World::new(Settings::default(), Clock::default(), Stores::new()));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let world = &world;
                scope.spawn(move || (1..=ROUNDS).for_each(|round| write(world, writer, round)))
            })
            .collect();
        for _ in 0..READERS {
            scope.spawn(|| {
                let mut looks = 0;
                while !done.load(Ordering::Relaxed) || looks == 0 {
                    // A page is one look; all customers fit one.
                    check(&look(&world, 100));
                    looks += 1;
                }
            });
        }
        for writer in writers {
            writer.join().expect("a writer breaks no rule");
        }
        done.store(true, Ordering::Relaxed);
    });
    let store = world.memory().store("shop").expect("it was written to");
    store.state.lock().audit();

    let customers = look(&world, 3);
    check(&customers);
    assert_eq!(customers.len(), SHOPPERS, "every shopper was claimed in the end");
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for writer in 0..WRITERS {
        for round in 1..=ROUNDS {
            let shopper = (writer + usize::try_from(round).expect("rounds are few")) % SHOPPERS;
            last.insert(format!("c-{shopper} left_{writer}"), round);
        }
    }
    for (place, round) in last {
        let (id, key) = place.split_once(' ').expect("an id and a key");
        let customer = customers
            .iter()
            .find(|customer| customer["external_id"] == id)
            .expect("every shopper is there");
        assert_eq!(customer["custom_properties"][key], round, "{place} was lost");
    }
}

/// Readers that page while others write: whoever is there all along comes exactly once.
#[test]
fn paging_under_concurrent_writers_gives_everybody_who_was_there_all_along_exactly_once() {
    const THERE: usize = 300;
    let mut start = Stores::new();
    let seed: Vec<_> = (0..THERE).map(|at| json!({"external_id": format!("p-{at}")})).collect();
    let seed = json!({"stores": [{"id": "shop", "customers": seed}]}).to_string();
    let ground = ReadOptions {
        validation: Validation::default(),
        now: Clock::default().now(),
    };
    seed::load(&seed, |_| ground, &mut start).expect("a good seed");
    let world = Arc::new(World::new(Settings::default(), Clock::default(), start));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..4 {
            let (world, done) = (&world, &done);
            scope.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::Relaxed) {
                    round += 1;
                    write(world, writer, round);
                }
            });
        }
        for limit in (1..=100).step_by(9) {
            let names: Vec<_> = look(&world, limit)
                .into_iter()
                .filter_map(|customer| customer["external_id"].as_str().map(str::to_owned))
                .collect();
            let all_along: Vec<_> = names.into_iter().filter(|id| id.starts_with("p-")).collect();
            assert_eq!(
                all_along,
                (0..THERE).map(|at| format!("p-{at}")).collect::<Vec<_>>(),
                "with a limit of {limit}"
            );
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn customer_ids(world: &World, store: &str) -> Vec<String> {
    let ids = |state: &StoreState| {
        let ids = state.customers(0).map(|profile| profile.customer().external_id);
        ids.flatten().map(|id| id.as_str().to_owned()).collect()
    };
    world.with_store(store, ids).unwrap_or_default()
}

fn changed() -> Customer {
    read_customer(
        &Json::from(&json!({ "customer": { "external_id": "changed" } })),
        ValidationOptions::default(),
        DateTime::UNIX_EPOCH,
        &mut Diagnostics::default(),
    )
    .expect("it breaks no rule")
}

#[test]
fn a_change_starts_again_if_a_request_creates_one_of_its_stores_meanwhile() {
    let world = Arc::new(World::new(Settings::default(), Clock::default(), Stores::new()));
    let tries = Cell::new(0);
    let ids = BTreeSet::from(["shop".to_owned(), "other".to_owned()]);
    let result = world.change(&ids, |_, stores| {
        if tries.replace(tries.get() + 1) == 0 {
            write(&world, 0, 0);
        }
        for id in &ids {
            stores.entry(id.clone()).or_default().append(changed());
        }
        Ok::<_, ()>("done")
    });
    assert_eq!((result, tries.get()), (Ok("done"), 2));
    assert_eq!(customer_ids(&world, "other"), ["changed"]);
    assert_eq!(customer_ids(&world, "shop"), ["c-0", "changed"], "no write is lost");
}

#[test]
fn a_change_that_fails_creates_no_store_and_changes_none() {
    let world = Arc::new(World::new(Settings::default(), Clock::default(), Stores::new()));
    write(&world, 0, 0);
    let ids = BTreeSet::from(["shop".to_owned(), "other".to_owned()]);
    let result = world.change(&ids, |_, stores| {
        for id in &ids {
            stores.entry(id.clone()).or_default().append(changed());
        }
        Err::<(), _>("refused")
    });
    assert_eq!(result, Err("refused"));
    assert_eq!(world.memory().store_ids(), ["shop"]);
    assert_eq!(customer_ids(&world, "shop"), ["c-0"]);
}

#[test]
fn changes_and_writes_of_many_threads_lose_nothing() {
    const CHANGES: usize = 50;
    let world = Arc::new(World::new(Settings::default(), Clock::default(), Stores::new()));
    thread::scope(|scope| {
        for ids in [["other", "shop"], ["shop", "third"]] {
            let ids = BTreeSet::from(ids.map(str::to_owned));
            let world = &world;
            scope.spawn(move || {
                for _ in 0..CHANGES {
                    let result = world.change(&ids, |_, stores| {
                        for id in &ids {
                            stores.entry(id.clone()).or_default().append(Customer {
                                external_id: None,
                                ..changed()
                            });
                        }
                        Ok::<_, ()>(())
                    });
                    result.expect("it never fails");
                }
            });
        }
        for round in 1..=ROUNDS {
            write(&world, 0, round);
        }
    });
    let writes = |store: &str| world.with_store(store, |state| state.counters().writes);
    assert_eq!(writes("shop"), Some(2 * CHANGES as u64 + ROUNDS));
    assert_eq!(
        (writes("other"), writes("third")),
        (Some(CHANGES as u64), Some(CHANGES as u64))
    );
}
