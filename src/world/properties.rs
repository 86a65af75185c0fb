//! The laws of a store under many hands: writers and readers at once, on the few shoppers that all of them share.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::*;
use crate::domain::customer::Include;
use crate::domain::json::Json;
use crate::domain::pagination::Filter;
use crate::domain::validation::{Validation, ValidationOptions};

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

#[test]
fn a_change_is_made_again_where_a_write_came_meanwhile_and_ends_under_constant_writes() {
    for writes in 0..=TRIES_UNHELD {
        for is_known in [false, true] {
            let world = Arc::new(World::new(Settings::default(), Clock::default(), Stores::new()));
            if is_known {
                write(&world, 0, 0);
            }
            let tries = Cell::new(0);
            let ids = BTreeSet::from(["shop".to_owned(), "other".to_owned()]);
            let changed = world.change(&ids, |_, stores| {
                // What is held cannot be written to.
                if tries.replace(tries.get() + 1) < writes {
                    write(&world, 1, 1 + tries.get() as u64 * 4);
                }
                for id in &ids {
                    let customer = json!({"external_id": "changed"});
                    let read = read_customer(
                        &Json::from(&json!({ "customer": customer })),
                        ValidationOptions::default(),
                        DateTime::UNIX_EPOCH,
                        &mut Diagnostics::default(),
                    );
                    stores
                        .entry(id.clone())
                        .or_default()
                        .append(read.expect("it breaks no rule"));
                }
                Ok::<_, ()>("done")
            });
            assert_eq!((changed, tries.get()), (Ok("done"), writes + 1));
            let ids = |store: &str| {
                let ids = |state: &StoreState| {
                    let ids = state.customers(0).map(|profile| profile.customer().external_id);
                    ids.flatten()
                        .map(|id| id.as_str().to_owned())
                        .collect::<Vec<_>>()
                        .join(" ")
                };
                world
                    .with_store(store, |state| (ids(state), state.counters().writes))
                    .expect("it is remembered")
            };
            assert_eq!(ids("other"), ("changed".to_owned(), 1), "it is made once");
            let all = writes as u64 + u64::from(is_known) + 1;
            assert_eq!(ids("shop").1, all, "no write is lost, and none is made twice");
            assert!(ids("shop").0.ends_with("changed"));
        }
    }
}

#[test]
fn a_copy_tells_every_change_from_none() {
    let now = DateTime::UNIX_EPOCH;
    let write = |state: &mut StoreState, delay: i64| {
        let read = read_event(
            &Json::from(
                &json!({"customer_event": {"type": "t", "unique_id": "e", "customer": {"email": "a@example.com"}}}),
            ),
            ValidationOptions::default(),
            now,
            &mut Diagnostics::default(),
        );
        let (event, customer) = read.expect("it breaks no rule");
        state.accept(Write::Event(event, customer), 1, now + TimeDelta::seconds(delay), now);
    };
    type Change<'a> = &'a dyn Fn(&mut StoreState);
    let changes: [(&str, Change<'_>); 7] = [
        ("a write", &|state| write(state, 0)),
        ("a write that does not show yet", &|state| write(state, 60)),
        ("the end of its delay", &|state| {
            assert_eq!(state.settle(now + TimeDelta::seconds(60)), 1)
        }),
        ("a token", &|state| assert_eq!(state.credentials.issue(now), 0)),
        ("the end of a token", &|state| state.credentials.expire(0, now)),
        ("a secret", &|state| {
            state.credentials.secret = Some("s3cret".to_owned())
        }),
        ("an event of a customer who is there", &|state| {
            let (event, number) = state
                .events(0)
                .map(|(_, event, _)| (event, 1))
                .next()
                .expect("an event");
            state.put_event(event, number);
        }),
    ];
    let mut state = StoreState::default();
    assert!(state.is_same_as(&StoreState::default()));
    for (name, change) in changes {
        let copy = state.clone();
        assert_eq!(state.settle(now), 0);
        assert!(state.is_same_as(&copy), "before {name}");
        change(&mut state);
        assert!(!state.is_same_as(&copy), "{name}");
    }
}
