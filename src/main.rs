//! The binary: see `cli` for its flags and subcommands.

mod allocator;
mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::set_up();
    cli::run()
}
