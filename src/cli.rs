//! The command line: flags, environment variables and subcommands.

mod address;
mod check;
mod client;
mod client_files;
mod completions;
mod control_client;
mod env;
mod env_vars;
mod environment;
mod error;
mod exec;
mod log;
mod log_format;
mod options;
#[cfg(test)]
mod reference;
mod schema;
mod serve;
mod tls_flags;
mod truststore;
mod values;
mod wait;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use check::CheckOptions;
use completions::{CompletionsOptions, ManOptions};
use env::EnvOptions;
use env_vars::{blame_env_var, injected_port_warning, unknown_variable_warnings, with_env_var, with_url_from_env};
use exec::ExecOptions;
use options::ServeOptions;
use schema::SchemaOptions;
use serve::ServeCommand;
use wait::WaitOptions;

/// The store and secret that clients get where the emulator has no store: it accepts any.
const ANY_STORE: &str = "shop";
const ANY_SECRET: &str = "any";

/// A local, in-memory, stateful emulator of Yotpo's Core API v3 Customers endpoints.
///
/// It starts in milliseconds, keeps real state, and marks answers that rest on assumptions about Yotpo.
/// `yotpo-mock` alone serves on http://127.0.0.1:4600 until it receives SIGTERM, SIGINT or SIGHUP.
#[derive(Debug, Parser)]
#[command(
    name = "yotpo-mock",
    version = VERSION,
    args_conflicts_with_subcommands = true,
    after_help = "`--help` lists all flags, variables and exit codes.",
    after_long_help = AFTER_HELP
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeCommand,
}

/// The version, the commit and the features.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BUILD_COMMIT"), "; features: cli, tls)");

const AFTER_HELP: &str = "\
Every flag of `serve` can also be set by an environment variable, YOTPO_MOCK_ and its name: YOTPO_MOCK_RATE_LIMIT=5. A flag \
takes precedence over its variable, and an empty variable counts as unset. For repeatable flags, a variable has one value a line.

Try it:
  yotpo-mock &
  yotpo-mock wait
  curl -H 'X-Yotpo-Token: any' http://127.0.0.1:4600/core/v3/stores/shop/customers

  yotpo-mock exec -- curl -H 'X-Yotpo-Token: any' https://api.yotpo.com/core/v3/stores/shop/customers

Exit codes: 0 stopped by SIGTERM, SIGINT or SIGHUP, or ready; 1 could not start, not ready, or state not saved; 2 wrong usage. \
`exec` has more, listed in its help.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the emulated API. This is the default without a subcommand.
    Serve(Box<ServeCommand>),
    /// Wait until an emulator is ready; exit with 0 once it is, and with 1 after the timeout.
    Wait(WaitOptions),
    /// Print the variables that route clients of https://api.yotpo.com to a running emulator.
    Env(EnvOptions),
    /// Start an emulator, run COMMAND as a client of it, and exit with its status.
    Exec(Box<ExecOptions>),
    /// Check seeds without serving them: print the content of valid ones, and all mistakes.
    Check(CheckOptions),
    /// Print the JSON Schema of a document, for editors: seed, state, journal or report.
    Schema(SchemaOptions),
    /// Print the completions of a shell.
    Completions(CompletionsOptions),
    /// Print a manual page.
    Man(ManOptions),
}

/// Parses the command line and runs the subcommand. Exits at once on wrong usage (2) and after `--help` (0).
pub fn run() -> ExitCode {
    let result = match parse() {
        Command::Serve(options) => serve::run(*options).map(|()| ExitCode::SUCCESS),
        Command::Wait(options) => wait::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Env(options) => env::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Exec(options) => exec::run(*options),
        Command::Check(options) => check::run(&options),
        Command::Schema(options) => schema::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Completions(options) => {
            completions::print_completions(&options, CommandLine::command()).map(|()| ExitCode::SUCCESS)
        }
        Command::Man(options) => {
            completions::print_man_page(&options, CommandLine::command()).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        error.print();
        ExitCode::FAILURE
    })
}

fn parse() -> Command {
    let mut command = CommandLine::command()
        .mut_subcommand("serve", |serve| serve.mut_args(with_env_var))
        .mut_subcommand("exec", |exec| exec.mut_args(with_env_var))
        .mut_subcommand("wait", |wait| wait.mut_arg("url", with_url_from_env))
        .mut_subcommand("env", |env| env.mut_arg("control_token", with_env_var).mut_arg("url", with_url_from_env));
    // The variables set flags of `serve`: without this check a bad value would stop every other subcommand, too.
    let first = std::env::args_os().nth(1);
    let has_subcommand = command
        .get_subcommands()
        .any(|subcommand| first.as_deref().is_some_and(|first| subcommand.get_name() == first));
    if !has_subcommand {
        command = command.mut_args(with_env_var);
    }
    let matches = command.clone().try_get_matches().unwrap_or_else(|mut error| {
        blame_env_var(&mut error);
        if first.as_deref() == Some(OsStr::new("exec")) {
            suggest_double_dash(&mut error);
        }
        error.exit()
    });
    let line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit());
    let parsed = line.command.unwrap_or_else(|| Command::Serve(Box::new(line.serve)));
    let serve = match &parsed {
        Command::Serve(serve) => Some(&serve.options),
        Command::Exec(exec) => Some(&exec.serve),
        _ => None,
    };
    if let Some(Err(error)) = serve.map(ServeOptions::stores) {
        command.build(); // so that the usage of a subcommand begins with the name of the program
        let used = matches.subcommand_name().and_then(|name| command.find_subcommand_mut(name)).cloned();
        used.unwrap_or(command).error(ErrorKind::ValueValidation, error).exit();
    }
    parsed
}

/// For `exec pytest`: says where the command begins.
fn suggest_double_dash(error: &mut clap::Error) {
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && !word.starts_with('-')
    {
        let example = format!("write `--` before the command: yotpo-mock exec -- {word}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![example.into()]));
    }
}

/// Logs what is wrong in the environment but does not prevent a start.
fn log_env_warnings() {
    let command = CommandLine::command();
    let subcommands = command.get_subcommands().filter(|command| ["serve", "exec"].contains(&command.get_name()));
    let flags = subcommands.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
    for warning in injected_port_warning().into_iter().chain(unknown_variable_warnings(flags)) {
        tracing::warn!("{warning}");
    }
}
