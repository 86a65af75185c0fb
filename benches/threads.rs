//! How much more two threads do than one, in process and without sockets: on a store each, and both on one hot store. All that a
//! worker does is in it: routing, admission, parsing, merging, rendering, the journal. Reported here, judged by `bench/run`.
//!
//! Each round also tells what the machine has for two threads that share nothing and only count: a virtual core may be half of one.
//!
//! `cargo bench --features internals --bench threads`

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use yotpo_mock::internals::workload::Workers;

const CUSTOMERS: u64 = 1_000;

/// How many requests each thread answers in a round.
const REQUESTS: usize = 20_000;

const ROUNDS: usize = 25;

/// How far a thread counts where nothing else is done.
const COUNTED: u64 = 400_000_000;

fn main() {
    let workers = Workers::with_stores(2, CUSTOMERS);
    // What each thread's store is.
    let (alone, different, hot) = ([0].as_slice(), [0, 1].as_slice(), [0, 0].as_slice());
    for stores in [alone, different, hot] {
        round(&workers, stores);
    }
    let (mut on_different, mut on_hot, mut of_machine) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_machine.push(2.0 * count(1).as_secs_f64() / count(2).as_secs_f64());
        let one = round(&workers, alone).as_secs_f64();
        // Two threads do twice the work.
        on_different.push(2.0 * one / round(&workers, different).as_secs_f64());
        on_hot.push(2.0 * one / round(&workers, hot).as_secs_f64());
    }
    println!("two threads do so many times what one does, by round:");
    report("different", &on_different);
    report("hot", &on_hot);
    report("machine", &of_machine);
}

/// How long it takes until each of so many threads has counted.
fn count(threads: usize) -> Duration {
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            // A step needs the one before it, so that none is left out.
            scope.spawn(|| (0..COUNTED).fold(1_u64, |sum, at| black_box(sum).wrapping_mul(3) ^ at));
        }
    });
    begun.elapsed()
}

/// How long it takes until the last of the threads has answered all of its requests, from when the first could begin.
fn round(workers: &Workers, stores: &[u64]) -> Duration {
    let begin = Barrier::new(stores.len() + 1);
    thread::scope(|scope| {
        for (client, &store) in (0..).zip(stores) {
            let begin = &begin;
            scope.spawn(move || {
                let requests = workers.requests(store, client);
                black_box(workers.answer(&requests, REQUESTS, || {
                    begin.wait();
                }));
            });
        }
        begin.wait();
        Instant::now()
    })
    .elapsed()
}

fn report(what: &str, ratios: &[f64]) {
    let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
    println!("ratios {what}: {}", ratios.join(" "));
}
