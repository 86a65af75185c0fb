//! What is counted in instructions: each piece of work at some sizes of the store, and each room's by itself. Run under
//! callgrind by `benches/growth.py` and `benches/instructions.py`; run alone it only does the work.
//!
//! The store is built before callgrind counts anything, so that a million customers take a minute and not an hour.

use yotpo_mock::internals::rooms::{House, Room};
use yotpo_mock::internals::workload::{Shop, Work};

/// How often each piece of work is done where it is counted.
const ROUNDS: u64 = 500;

/// How many customers there are where a room is counted by itself.
const CUSTOMERS: u64 = 1_000;

/// Steps through the customers in an order that has nothing to do with theirs: a large prime.
const STRIDE: u64 = 7_368_787;

/// Takes sizes of the store, in rising order, and `rooms`.
fn main() {
    let mut shop = Shop::with_customers(1);
    for argument in std::env::args().skip(1) {
        if let Ok(size) = argument.parse() {
            shop.grow(size);
            Work::ALL.into_iter().for_each(|work| count_work(&mut shop, work, size));
        } else if argument == "rooms" {
            Room::ALL.into_iter().for_each(count_room);
        }
    }
}

fn count_work(shop: &mut Shop, work: Work, size: u64) {
    count(&format!("Work::{work:?}"), size, |number| {
        let requests = shop.requests(work, number);
        callgrind::collected(|| shop.run(work, &requests));
    });
}

fn count_room(room: Room) {
    let house = House::with_customers(CUSTOMERS);
    count(&format!("Room::{room:?}"), CUSTOMERS, |number| {
        let work = house.work(room, number);
        callgrind::collected(work);
    });
}

/// Goes through as many rounds as warm things up, and then through those that are counted. Each makes its work ready just
/// before: were all of it ready at once, the allocator would be counted in a state that no server sees.
fn count(name: &str, size: u64, mut round: impl FnMut(u64)) {
    (0..ROUNDS).for_each(|number| round(number * STRIDE));
    callgrind::start();
    (ROUNDS..2 * ROUNDS).for_each(|number| round(number * STRIDE));
    callgrind::stop_and_dump(&format!("{name} {size} {ROUNDS}"));
}

/// Requests to callgrind, which outside of it do nothing. Source: `callgrind.h` and `valgrind.h`, whose interface is stable.
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

    /// Does some work, of which alone the instructions are counted; run with `--collect-atstart=no`.
    pub fn collected<T>(work: impl FnOnce() -> T) -> T {
        request(TOGGLE_COLLECT, 0);
        let done = work();
        request(TOGGLE_COLLECT, 0);
        done
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

    pub fn collected<T>(work: impl FnOnce() -> T) -> T {
        work()
    }

    pub fn stop_and_dump(_: &str) {}
}
