//! The time of each workload at three sizes of the store. It is reported only.
//!
//! `cargo bench --bench store`

mod support;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use divan::Bencher;
use support::STRIDE;
use support::workload::{BenchStore, Workload};

const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

/// One store of each size, built when it is first used.
static STORES: LazyLock<Mutex<HashMap<u64, BenchStore>>> = LazyLock::new(Mutex::default);

fn main() {
    divan::main();
}

fn bench(bencher: Bencher<'_, '_>, workload: Workload, size: u64) {
    let mut stores = STORES.lock().expect("no benchmark panics");
    let store = stores.entry(size).or_insert_with(|| BenchStore::with_customers(size));
    let store = Mutex::new(store);
    let mut round = 0;
    bencher
        .with_inputs(|| {
            round += 1;
            let store = store.lock().expect("no benchmark panics");
            store.requests(workload, round * STRIDE)
        })
        .bench_local_refs(|requests| store.lock().expect("no benchmark panics").run(workload, requests));
}

#[divan::bench(args = SIZES)]
fn upsert(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Workload::Upsert, size);
}

#[divan::bench(args = SIZES)]
fn lookup(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Workload::Lookup, size);
}

#[divan::bench(args = SIZES)]
fn page(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Workload::Page, size);
}

#[divan::bench(args = SIZES)]
fn merge(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Workload::Merge, size);
}

#[divan::bench(args = SIZES)]
fn event(bencher: Bencher<'_, '_>, size: u64) {
    bench(bencher, Workload::Event, size);
}
