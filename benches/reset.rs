//! How long a test waits between two runs: a reset or a restore together with the first write after it, and the longest pause
//! of a write while a million customers are dropped. Reported, never judged.
//!
//! `cargo bench --features internals --bench reset`

#[cfg(feature = "cli")]
#[path = "../src/allocator.rs"]
mod allocator;

use std::time::{Duration, Instant};

use yotpo_mock::internals::workload::Mock;

const SIZES: [u64; 2] = [10_000, 1_000_000];
const ROUNDS: usize = 100;

/// What is written between two rounds, so that there is something to go back from.
const WRITES: u64 = 50;

fn main() {
    // As the binary does.
    #[cfg(feature = "cli")]
    allocator::set_up();
    println!("| with the first write after it | customers | first | hundredth | median | longest |");
    println!("|---|---:|---:|---:|---:|---:|");
    for size in SIZES {
        let mock = Mock::seeded(size);
        report("reset", size, rounds(&mock, Mock::reset));
        report("restore", size, rounds(&mock, Mock::restore));
        leave(mock);
    }
    println!("\n| writes while customers are dropped | customers | median | longest |");
    println!("|---|---:|---:|---:|");
    for size in SIZES {
        let mock = Mock::written(size);
        // What the machine does to a writer with nothing to be dropped.
        report_writes("before a reset", size, &mock);
        mock.reset();
        report_writes("after a reset to nothing", size, &mock);
        leave(mock);
    }
}

fn report_writes(when: &str, size: u64, mock: &Mock) {
    let mut times: Vec<_> = (0..20_000).map(|number| timed(|| mock.write(number % size))).collect();
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("| {when} | {size} | {median:?} | {longest:?} |");
}

/// Does not drop a mock: its memory would be given back in the middle of what is measured next.
fn leave(mock: Mock) {
    std::mem::forget(mock);
}

fn rounds(mock: &Mock, go_back: impl Fn(&Mock)) -> Vec<Duration> {
    let round = |at: usize| {
        let first = at as u64 * WRITES;
        let time = timed(|| {
            go_back(mock);
            mock.write(first);
        });
        (first + 1..first + WRITES).for_each(|number| mock.write(number));
        time
    };
    (0..ROUNDS).map(round).collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn report(what: &str, size: u64, times: Vec<Duration>) {
    let (first, hundredth) = (times[0], times[ROUNDS - 1]);
    let mut sorted = times;
    sorted.sort_unstable();
    println!(
        "| {what} | {size} | {first:?} | {hundredth:?} | {:?} | {:?} |",
        sorted[ROUNDS / 2],
        sorted[ROUNDS - 1]
    );
}
