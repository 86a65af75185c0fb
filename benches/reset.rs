//! The time from a reset or a restore to the response to the next write, and the longest response time of a write while the
//! customers of before are dropped. It is reported only.
//!
//! `cargo bench --bench reset`

mod support;

use std::fmt::Write;
use std::time::{Duration, Instant};

use support::client::{Client, Requests};
use support::customer_body;
use yotpo_mock::YotpoMock;

const SIZES: [u64; 2] = [1_000, 100_000];
const ROUNDS: usize = 100;

/// The writes between two rounds, so that each reset has something to undo.
const WRITES: u64 = 50;

fn main() {
    println!("| with the write after it | customers | first | hundredth | median | longest |");
    println!("|---|---:|---:|---:|---:|---:|");
    for size in SIZES {
        let mock = Mock::seeded(size);
        report("reset", size, &mock.rounds(YotpoMock::reset));
        let snapshot = mock.yotpo.snapshot();
        report("restore", size, &mock.rounds(|yotpo| yotpo.restore(&snapshot)));
    }
    println!("\n| writes while customers are dropped | customers | median | longest |");
    println!("|---|---:|---:|---:|");
    for size in SIZES {
        let mock = Mock::seeded(size);
        // The same without a reset, to tell the machine's own pauses apart.
        report_writes("before a reset", size, &mock);
        mock.yotpo.reset_to_empty();
        report_writes("after a reset to empty", size, &mock);
    }
}

struct Mock {
    yotpo: YotpoMock,
    requests: Requests,
}

impl Mock {
    fn seeded(customers: u64) -> Mock {
        let mut seed = String::new();
        for number in 0..customers {
            let body = customer_body(number);
            let line = body.strip_prefix('{').expect("the body is an object");
            writeln!(seed, "{{\"store\":\"shop\",{line}").expect("a string grows");
        }
        Mock {
            yotpo: YotpoMock::builder().seed(seed).start(),
            // Any token is valid for a store without a secret.
            requests: Requests::new("shop", "any".to_owned()),
        }
    }

    fn client(&self) -> Client {
        Client::connect(self.yotpo.url())
    }

    fn rounds(&self, go_back: impl Fn(&YotpoMock)) -> Vec<Duration> {
        let mut client = self.client();
        let round = |at: usize| {
            let first = at as u64 * WRITES;
            let write = self.requests.upsert(first);
            let time = time(|| {
                go_back(&self.yotpo);
                client.send(&write);
            });
            for number in first + 1..first + WRITES {
                client.send(&self.requests.upsert(number));
            }
            time
        };
        (0..ROUNDS).map(round).collect()
    }
}

fn report_writes(when: &str, size: u64, mock: &Mock) {
    let mut client = mock.client();
    let mut write = |number: u64| {
        let write = mock.requests.upsert(number % size);
        time(|| {
            client.send(&write);
        })
    };
    let mut times: Vec<_> = (0..20_000).map(&mut write).collect();
    times.sort_unstable();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("| {when} | {size} | {median:?} | {longest:?} |");
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn report(action: &str, size: u64, times: &[Duration]) {
    let (first, hundredth) = (times[0], times[ROUNDS - 1]);
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    println!("| {action} | {size} | {first:?} | {hundredth:?} | {:?} | {:?} |", sorted[ROUNDS / 2], sorted[ROUNDS - 1]);
}
