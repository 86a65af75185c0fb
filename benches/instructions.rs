//! The work whose instructions are counted: each workload at some sizes of the store, and each stage of a request by itself.
//! `benches/growth.py` and `benches/instructions.py` run it under callgrind; by itself it counts nothing.
//!
//! Each store is built before callgrind instruments anything, so that a million customers take a minute and not an hour.

mod support;

use support::stages::{Stage, StageBench};
use support::workload::{BenchStore, Workload};
use support::{STRIDE, read_seed, seed_line};

/// The counted runs of each workload and stage.
const ROUNDS: u64 = 500;

/// The customers in the store of the stages.
const CUSTOMERS: u64 = 1_000;

/// The lines of the seeds whose reading is counted, per line.
const SEED_LINES: [u64; 2] = [250, 4_000];

/// Arguments: sizes of the store, in rising order, `stages` and `seed`.
fn main() {
    let mut store = BenchStore::with_customers(1);
    for argument in std::env::args().skip(1) {
        if let Ok(size) = argument.parse() {
            store.grow_to(size);
            for workload in Workload::ALL {
                count_workload(&mut store, workload, size);
            }
        } else if argument == "stages" {
            Stage::ALL.into_iter().for_each(count_stage);
        } else if argument == "seed" {
            SEED_LINES.into_iter().for_each(count_seed);
        }
    }
}

fn count_workload(store: &mut BenchStore, workload: Workload, size: u64) {
    count(&format!("Workload::{workload:?}"), size, |number| {
        let requests = store.requests(workload, number);
        callgrind::collect(|| store.run(workload, &requests));
    });
}

fn count_stage(stage: Stage) {
    let bench = StageBench::with_customers(CUSTOMERS);
    count(&format!("Stage::{stage:?}"), CUSTOMERS, |number| {
        let run = bench.prepare(stage, number);
        callgrind::collect(run);
    });
}

fn count_seed(lines: u64) {
    let text: String = (0..lines).map(seed_line).collect();
    callgrind::start();
    callgrind::collect(|| read_seed(&text));
    callgrind::stop_and_dump(&format!("Seed {lines} {lines}"));
}

/// Runs `ROUNDS` rounds to warm up, then the rounds that are counted. Each round prepares its own input: the allocator
/// would otherwise be in a state that no server reaches.
fn count(name: &str, size: u64, mut round: impl FnMut(u64)) {
    (0..ROUNDS).for_each(|number| round(number * STRIDE));
    callgrind::start();
    (ROUNDS..2 * ROUNDS).for_each(|number| round(number * STRIDE));
    callgrind::stop_and_dump(&format!("{name} {size} {ROUNDS}"));
}

/// Requests to callgrind; outside of callgrind they do nothing. Source: `callgrind.h` and `valgrind.h`, whose interface is
/// stable.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod callgrind {
    use std::arch::asm;
    use std::ffi::CString;

    const BASE: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16;
    const ZERO_STATS: u64 = BASE + 1;
    const TOGGLE_COLLECT: u64 = BASE + 2;
    const DUMP_STATS_AT: u64 = BASE + 3;
    const START_INSTRUMENTATION: u64 = BASE + 4;
    const STOP_INSTRUMENTATION: u64 = BASE + 5;

    fn request(code: u64, argument: u64) {
        let arguments = [code, argument, 0, 0, 0, 0];
        // SAFETY: the sequence changes no register but `rdx`, which is declared. Valgrind only reads `arguments`.
        #[allow(unsafe_code)]
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") arguments.as_ptr(),
                inout("rdx") 0_u64 => _,
            );
        }
    }

    pub fn start() {
        request(START_INSTRUMENTATION, 0);
        request(ZERO_STATS, 0);
    }

    /// Counts the instructions of `work`, and of nothing else, when run with `--collect-atstart=no`.
    pub fn collect(work: impl FnOnce()) {
        request(TOGGLE_COLLECT, 0);
        work();
        request(TOGGLE_COLLECT, 0);
    }

    pub fn stop_and_dump(name: &str) {
        let name = CString::new(name).expect("no name contains NUL");
        request(DUMP_STATS_AT, name.as_ptr() as u64);
        request(STOP_INSTRUMENTATION, 0);
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod callgrind {
    pub fn start() {}

    pub fn collect(work: impl FnOnce()) {
        work();
    }

    pub fn stop_and_dump(_: &str) {}
}
