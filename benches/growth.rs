//! How the cost of each piece of work grows with the store, in instructions. `benches/growth.py` runs this under callgrind
//! and prints the table; run alone it only does the work.
//!
//! The store is built before callgrind counts anything, so that a million customers take a minute and not an hour.

use yotpo_mock::internals::workload::{Shop, Work};

/// How often each piece of work is done where it is counted.
const ROUNDS: u64 = 500;

/// Steps through the customers in an order that has nothing to do with theirs: a large prime.
const STRIDE: u64 = 7_368_787;

fn main() {
    let sizes: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let mut shop = Shop::with_customers(1);
    for size in sizes {
        shop.grow(size);
        for work in Work::ALL {
            let requests: Vec<_> = (0..2 * ROUNDS)
                .map(|round| shop.requests(work, round * STRIDE))
                .collect();
            let (first, counted) = requests.split_at(requests.len() / 2);
            for requests in first {
                std::hint::black_box(shop.run(work, requests));
            }
            callgrind::start();
            for requests in counted {
                std::hint::black_box(shop.run(work, requests));
            }
            callgrind::stop_and_dump(&format!("{work:?} {size} {ROUNDS}"));
        }
    }
}

/// Requests to callgrind, which outside of it do nothing. Source: `callgrind.h` and `valgrind.h`, whose interface is stable.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod callgrind {
    use std::arch::asm;
    use std::ffi::CString;

    const BASE: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16;
    const ZERO_STATS: u64 = BASE + 1;
    const DUMP_STATS_AT: u64 = BASE + 3;
    const START_INSTRUMENTATION: u64 = BASE + 4;
    const STOP_INSTRUMENTATION: u64 = BASE + 5;

    fn request(code: u64, argument: u64) {
        let arguments = [code, argument, 0, 0, 0, 0];
        // SAFETY: the sequence leaves every register as it was but `rdx`, which is declared; valgrind only reads `arguments`.
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

    pub fn stop_and_dump(name: &str) {
        let name = CString::new(name).expect("a name has no NUL");
        request(DUMP_STATS_AT, name.as_ptr() as u64);
        request(STOP_INSTRUMENTATION, 0);
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod callgrind {
    pub fn start() {}

    pub fn stop_and_dump(_: &str) {}
}
