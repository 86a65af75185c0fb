//! The allocator of the binary: it takes back without a lock what another thread frees, and gives it to the system at once.
//!
//! A store that is forgotten was allocated by the threads that serve and is freed by one for which nobody waits. With the
//! allocator of the system the two wait for each other, and the memory stays with the process. The library leaves the choice to
//! who embeds it.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay`, by its place in the list of options in `mimalloc.h`.
const PURGE_DELAY: mi_option_t = 15;

/// For how long what is free is kept: not at all. What waits is given back by whoever comes next, and that is a request.
const PURGE_DELAY_MS: c_long = 0;

/// Sets the allocator up. What was allocated before is as good.
pub fn set_up() {
    // SAFETY: it stores a number under the place of an option, which may be done at any time.
    unsafe { mi_option_set(PURGE_DELAY, PURGE_DELAY_MS) };
}
