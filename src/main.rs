//! The command line: flags and variables to settings, and what each subcommand does.

mod allocator;
mod cli;
mod log;

use std::process::ExitCode;

use cli::Command;

fn main() -> ExitCode {
    allocator::set_up();
    let done = match cli::parse() {
        Command::Serve(options) => cli::serve::run(*options).map(|()| ExitCode::SUCCESS),
        Command::Wait(options) => cli::wait::run(&options).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "tls")]
        Command::Env(options) => cli::env::run(&options).map(|()| ExitCode::SUCCESS),
        #[cfg(feature = "tls")]
        Command::Exec(options) => cli::exec::run(*options),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            failure.tell();
            ExitCode::FAILURE
        }
    }
}
