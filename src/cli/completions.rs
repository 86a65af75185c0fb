//! `yotpo-mock completions` and `yotpo-mock man`: what a package installs beside the binary.

use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{Args, Command};
use clap_complete::Shell;

use super::error::CliError;

#[derive(Debug, Args)]
#[command(after_help = "Example: yotpo-mock completions bash >~/.local/share/bash-completion/completions/yotpo-mock")]
pub struct CompletionsOptions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: yotpo-mock man exec | man -l -")]
pub struct ManOptions {
    /// The subcommand; without one, the page of `yotpo-mock` itself.
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,
}

/// Prints the completions of a command line.
pub fn print_completions(options: &CompletionsOptions, mut command: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "yotpo-mock", &mut script);
    io::stdout().write_all(&script).map_err(CliError::Print)
}

/// Prints a manual page of a command line.
pub fn print_man_page(options: &ManOptions, mut command: Command) -> Result<(), CliError> {
    // Gives the subcommands the names with which they are called.
    command.build();
    let page = match &options.subcommand {
        None => command,
        Some(name) => {
            let Some(found) = command.find_subcommand(name) else {
                let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
                let message = format!("`{name}` is no subcommand, only {}", names.join(", "));
                command.error(ErrorKind::InvalidValue, message).exit();
            };
            found.clone().name(format!("yotpo-mock-{name}"))
        }
    };
    let mut text = Vec::new();
    // In a short help, some flags are hidden.
    let page = page.mut_args(|flag| flag.hide_short_help(false));
    clap_mangen::Man::new(page).render(&mut text).and_then(|()| io::stdout().write_all(&text)).map_err(CliError::Print)
}
