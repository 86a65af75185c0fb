//! The time of each stage of a request, with a store of 1,000 customers. It is reported only; `benches/instructions.py`
//! fails when a stage takes more instructions than before.
//!
//! `cargo bench --bench stages`

mod support;

use std::sync::LazyLock;

use divan::Bencher;
use support::STRIDE;
use support::stages::{Stage, StageBench};

static STAGES: LazyLock<StageBench> = LazyLock::new(|| StageBench::with_customers(1_000));

fn main() {
    divan::main();
}

#[divan::bench(args = Stage::ALL)]
fn stages(bencher: Bencher<'_, '_>, stage: Stage) {
    let mut round = 0;
    bencher
        .with_inputs(|| {
            round += 1;
            STAGES.prepare(stage, round * STRIDE)
        })
        .bench_local_values(|run| run());
}
