//! The allocator of the binary: it takes back without a lock what another thread frees.
//!
//! A store that is forgotten was allocated by the threads that serve and is freed by one for which nobody waits. With the
//! allocator of the system the two wait for each other, and the memory stays with the process. The library leaves the choice to
//! who embeds it.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_long;

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_option_get, mi_option_set, mi_option_t, mi_realloc, mi_realloc_aligned,
    mi_zalloc, mi_zalloc_aligned,
};
use yotpo_mock::on_forgetting;

#[global_allocator]
static ALLOCATOR: Mimalloc = Mimalloc;

/// mimalloc, asked for an alignment only where it does not give it anyway. The crate `mimalloc` always asks, and what it asks for is
/// then made larger: 64 bytes for 48, a twentieth of all that a store takes.
struct Mimalloc;

/// Whether every piece of memory of this size is aligned so: mimalloc aligns to 8 bytes, and what has 16 or more to 16.
fn is_aligned_anyway(size: usize, align: usize) -> bool {
    align <= 8 || align <= 16 && size >= 16
}

// SAFETY: mimalloc is an allocator, all its memory is given back by `mi_free`, and whether it aligns enough is asked each time.
unsafe impl GlobalAlloc for Mimalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: both take any size, and the second an alignment that is a power of two, as that of every layout is.
        let allocated = unsafe {
            match is_aligned_anyway(size, align) {
                true => mi_malloc(size),
                false => mi_malloc_aligned(size, align),
            }
        };
        allocated.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: as above.
        let allocated = unsafe {
            match is_aligned_anyway(size, align) {
                true => mi_zalloc(size),
                false => mi_zalloc_aligned(size, align),
            }
        };
        allocated.cast()
    }

    unsafe fn dealloc(&self, allocated: *mut u8, _: Layout) {
        // SAFETY: whoever calls this has it from here, and gives it back once.
        unsafe { mi_free(allocated.cast()) };
    }

    unsafe fn realloc(&self, allocated: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let align = layout.align();
        // SAFETY: as above, of what whoever calls this has from here.
        let allocated = unsafe {
            match is_aligned_anyway(size, align) {
                true => mi_realloc(allocated.cast(), size),
                false => mi_realloc_aligned(allocated.cast(), size, align),
            }
        };
        allocated.cast()
    }
}

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
    // A large store is only slower without.
    #[cfg(target_os = "linux")]
    let _ = huge_pages::ask();
}

fn set_purge_delay(milliseconds: c_long) {
    // SAFETY: it stores a number under the place of an option, which may be done at any time.
    unsafe { mi_option_set(PURGE_DELAY, milliseconds) };
}

/// Huge pages for what a large store takes: a million customers stand on 400,000 ordinary pages, so that hardly any lookup finds
/// its page's address where the processor keeps those. A small process stays on ordinary pages, of which it takes no more than it
/// needs.
#[cfg(target_os = "linux")]
mod huge_pages {
    use std::ffi::c_void;
    use std::fs;
    use std::hint::black_box;
    use std::io;
    use std::ops::Range;
    use std::ptr::null_mut;

    use libmimalloc_sys::mi_manage_os_memory_ex;
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};
    use rustix::thread::disable_transparent_huge_pages;

    const MIB: usize = 1024 * 1024;

    /// The size of a huge page, and what must begin at a multiple of it.
    const HUGE: usize = 2 * MIB;

    /// How much of the heap stays on ordinary pages: the allocator takes the lowest addresses first.
    const SMALL: usize = 32 * MIB;

    /// How much of the heap comes after the gibibyte that the allocator reserves by itself; together they hold a million
    /// customers. Nothing but its map is taken before it is needed, and a larger one has a larger map.
    const MORE: usize = 512 * MIB;

    /// Asks the system for them, where it gives them to those who ask and to nobody else: where it gives them to everybody, or to
    /// nobody, the allocator's choice stays, which is none.
    pub fn ask() -> io::Result<()> {
        if !fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled")?.contains("[madvise]") {
            return Ok(());
        }
        let heap = heap()?;
        advise((heap.start + SMALL).next_multiple_of(HUGE).min(heap.end)..heap.end)?;
        // The allocator has switched them off for the whole process, those who ask included.
        disable_transparent_huge_pages(false)?;
        advise(more()?)
    }

    /// The piece of address space that the allocator has reserved and begins to fill.
    fn heap() -> io::Result<Range<usize>> {
        let inside = black_box(Box::new(0_u64));
        let inside = (&raw const *inside).addr();
        let maps = fs::read_to_string("/proc/self/maps")?;
        let ranges = maps.lines().filter_map(|line| {
            let (start, end) = line.split(' ').next()?.split_once('-')?;
            Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
        });
        let mut heaps = ranges.filter(|range| range.contains(&inside));
        heaps.next().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Reserves more address space, and hands it to the allocator.
    fn more() -> io::Result<Range<usize>> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: it is put where nothing is yet.
        let reserved = unsafe { mmap_anonymous(null_mut(), MORE + HUGE, protection, flags)? };
        let start = reserved.wrapping_byte_add(reserved.addr().next_multiple_of(HUGE) - reserved.addr());
        let mut arena = null_mut();
        // SAFETY: the memory was just mapped, is nobody else's, and stays mapped to the end.
        let is_taken = unsafe { mi_manage_os_memory_ex(start, MORE, true, false, true, -1, false, &raw mut arena) };
        let range = start.addr()..start.addr() + MORE;
        is_taken
            .then_some(range)
            .ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    fn advise(range: Range<usize>) -> io::Result<()> {
        let start: *mut c_void = std::ptr::with_exposed_provenance_mut(range.start);
        // SAFETY: this advice changes what memory is made of, and not what is in it.
        unsafe { madvise(start, range.len(), Advice::LinuxHugepage)? }
        Ok(())
    }
}
