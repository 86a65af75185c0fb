//! How long the work of each room on the way of a request takes, beside a store of 1,000 customers; reported, never judged.
//! `benches/instructions.py` judges the same work, by its instructions.
//!
//! `cargo bench --features internals --bench rooms`

use std::sync::LazyLock;

use divan::Bencher;
use yotpo_mock::internals::rooms::{House, Room};

/// Steps through the customers in an order that has nothing to do with theirs: a large prime.
const STRIDE: u64 = 7_368_787;

static HOUSE: LazyLock<House> = LazyLock::new(|| House::with_customers(1_000));

fn main() {
    divan::main();
}

#[divan::bench(args = Room::ALL)]
fn rooms(bencher: Bencher<'_, '_>, room: Room) {
    let mut round = 0;
    bencher
        .with_inputs(|| {
            round += 1;
            HOUSE.work(room, round * STRIDE)
        })
        .bench_local_values(|work| work());
}
