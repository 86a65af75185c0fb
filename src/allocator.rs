//! The allocator of the binary: it takes back without a lock what another thread frees.
//!
//! A store that is forgotten was allocated by the threads that serve and is freed by one for which nobody waits. With the
//! allocator of the system the two wait for each other, and the memory stays with the process. The library leaves the choice to
//! who embeds it.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};
use mimalloc::MiMalloc;
use yotpo_mock::on_forgetting;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay`, by its place in the list of options in `mimalloc.h`: for how long what is free is kept before it goes
/// back to the system, in milliseconds.
const PURGE_DELAY: mi_option_t = 15;

/// Sets the allocator up. What was allocated before is as good.
///
/// What a request frees is kept a while, for the next one. What is forgotten goes back at once: else whoever comes next would give
/// it back, and that is a request.
pub fn set_up() {
    // SAFETY: it reads a number, which may be done at any time.
    let usual = unsafe { mi_option_get(PURGE_DELAY) };
    on_forgetting(move |forgetting| set_purge_delay(if forgetting { 0 } else { usual }));
}

fn set_purge_delay(milliseconds: c_long) {
    // SAFETY: it stores a number under the place of an option, which may be done at any time.
    unsafe { mi_option_set(PURGE_DELAY, milliseconds) };
}
