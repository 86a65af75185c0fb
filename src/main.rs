//! The command line: flags and variables to settings, and what each subcommand does.

mod allocator;
mod cli;
mod log;

use std::process::ExitCode;

use cli::{Command, Failure};

fn main() -> ExitCode {
    allocator::set_up();
    let done = match cli::parse() {
        Command::Serve(options) => cli::serve::run(*options),
        Command::Wait(options) => cli::wait::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { error, hint }) => {
            eprintln!("error: {error}\nhint: {hint}");
            ExitCode::FAILURE
        }
    }
}
