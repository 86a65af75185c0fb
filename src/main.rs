//! The binary: see `cli` for its flags and subcommands.

mod cli;

use std::process::ExitCode;

/// Takes back memory that another thread frees without a lock between the two, as happens when a reset drops a large store.
/// Without huge pages (`no_thp`), since these would double the memory of an idle emulator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
