//! `yotpo-mock check`: reads seeds without serving them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use yotpo_mock::{Builder, SeedSummary, StartError, Validation, YotpoMock};

use super::error::CliError;
use super::values::validation;

const AFTER_HELP: &str = "\
Each file is read as `serve --seed FILE` reads it, and all together if each is valid by itself. The mistakes of all files are listed, \
at most 20 of each file.

Exit codes: 0 all are valid; 1 one is not; 2 wrong usage.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct CheckOptions {
    /// How to validate customers and events. [default: strict]
    #[arg(long, value_name = "MODE", value_parser = validation())]
    validation: Option<Validation>,
    /// JSON or NDJSON files with seeds, or folders of such files.
    #[arg(required = true, value_name = "SEED")]
    seeds: Vec<PathBuf>,
}

pub fn run(options: &CheckOptions) -> Result<ExitCode, CliError> {
    let mut are_valid = true;
    for seed in &options.seeds {
        match check(options, [seed]) {
            Ok(stores) => print_stores(seed, &stores).map_err(CliError::Print)?,
            Err(error) => {
                are_valid = false;
                CliError::Start(error).print();
            }
        }
    }
    if are_valid && options.seeds.len() > 1 {
        check(options, &options.seeds)?;
    }
    Ok(if are_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check<'a>(
    options: &CheckOptions,
    seeds: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<BTreeMap<String, SeedSummary>, StartError> {
    let builder = options.validation.into_iter().fold(YotpoMock::builder(), Builder::validation);
    seeds.into_iter().fold(builder, Builder::seed_file).check_seeds()
}

fn print_stores(seed: &Path, stores: &BTreeMap<String, SeedSummary>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let seed = seed.display();
    if stores.is_empty() {
        writeln!(stdout, "{seed}: valid, without a store")?;
    }
    for (id, seeded) in stores {
        let (customers, events) = (seeded.customers_created, seeded.events_created);
        writeln!(stdout, "{seed}: valid; store `{id}`: customers {customers}, events {events}")?;
    }
    Ok(())
}
