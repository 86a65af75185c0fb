//! How long each piece of work takes, at three sizes of the store; reported, never judged.
//!
//! `cargo bench --features internals --bench store`

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use divan::Bencher;
use yotpo_mock::internals::workload::{Shop, Work};

const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

/// Steps through the customers in an order that has nothing to do with theirs: a large prime.
const STRIDE: u64 = 7_368_787;

/// One store of each size, built when it is first needed.
static SHOPS: LazyLock<Mutex<HashMap<u64, Shop>>> = LazyLock::new(Mutex::default);

fn main() {
    divan::main();
}

fn bench(bencher: Bencher<'_, '_>, work: Work, size: u64) {
    let mut shops = SHOPS.lock().expect("no benchmark panics");
    let shop = shops.entry(size).or_insert_with(|| Shop::with_customers(size));
    let shop = Mutex::new(shop);
    let mut round = 0;
    bencher
        .with_inputs(|| {
            round += 1;
            shop.lock().expect("no benchmark panics").requests(work, round * STRIDE)
        })
        .bench_local_refs(|requests| shop.lock().expect("no benchmark panics").run(work, requests));
}

#[divan::bench(args = SIZES)]
fn upsert(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Work::Upsert, size);
}

#[divan::bench(args = SIZES)]
fn lookup(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Work::Lookup, size);
}

#[divan::bench(args = SIZES)]
fn page(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Work::Page, size);
}

#[divan::bench(args = SIZES)]
fn merge(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Work::Merge, size);
}

#[divan::bench(args = SIZES)]
fn event(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Work::Event, size);
}
