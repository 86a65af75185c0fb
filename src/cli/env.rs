//! `yotpo-mock env`: prints the environment variables that route clients to a running emulator.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::address::MockAddress;
use super::client_files::{ClientFiles, cache_folder, read_certificate};
use super::control_client::ControlClient;
use super::env_vars::DEFAULT_URL;
use super::environment::{ClientEnvironment, OutputFormat, StoreCredentials, quote_for_sh};
use super::error::CliError;
use super::values::InvalidValue;

const AFTER_HELP: &str = "\
Examples: route the clients of this shell, and those of later steps of a GitHub job.
  eval \"$(yotpo-mock env)\"
  yotpo-mock env --format github >>\"$GITHUB_ENV\"";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct EnvOptions {
    /// Address of the emulator. [default: YOTPO_MOCK_URL, or http://127.0.0.1 with the port of YOTPO_MOCK_PORT, or 4600]
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL, hide_default_value = true, value_parser = MockAddress::parse)]
    url: MockAddress,
    /// Store for clients to use, optionally with its secret. [default: the emulator's first store, or `shop`]
    #[arg(long, value_name = "ID[:SECRET]", value_parser = credentials)]
    store: Option<(String, Option<String>)>,
    /// Format of the variables.
    #[arg(long, value_name = "FORMAT", default_value = "sh")]
    format: OutputFormat,
    /// Folder for the files that the variables refer to. [default: a folder in the user's cache, one per emulator address]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Also trust the CAs that this system trusts, for an emulator started with `--proxy-passthrough`.
    #[arg(long)]
    system_roots: bool,
    /// CA certificate to trust, a PEM file, for an emulator started with `--tls-cert`. [default: the answer of `GET /_mock/ca.pem`]
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Control token that the emulator was started with; also read from YOTPO_MOCK_CONTROL_TOKEN.
    #[arg(long, value_name = "TOKEN", value_parser = NonEmptyStringValueParser::new())]
    control_token: Option<String>,
}

pub fn run(options: &EnvOptions) -> Result<(), CliError> {
    let mock = options.url.clone().into_connectable();
    let url = mock.url();
    let control = ControlClient::new(&url, options.control_token.as_deref());
    let ca_certificate = match &options.authority {
        Some(file) => read_certificate(file)?,
        None => control.ca_certificate()?,
    };
    let (id, secret) = match options.store.clone() {
        Some(store) => store,
        None => (control.first_store()?.unwrap_or_else(|| super::ANY_STORE.to_owned()), None),
    };
    let secret = match secret {
        Some(secret) => secret,
        None => control.secret(&id)?,
    };
    let folder = match &options.dir {
        Some(folder) => folder.clone(),
        None => cache_folder(&mock)?,
    };
    let files = ClientFiles::write(&folder, &mock, &ca_certificate, options.system_roots)?;
    let store = StoreCredentials { id, secret };
    let environment = ClientEnvironment::new(&mock, &store, &files, |name| std::env::var(name).ok());
    let text = environment.render(options.format);
    let printed = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    printed.map_err(CliError::Print)?;
    for warning in environment.warnings {
        eprintln!("{warning}");
    }
    eprintln!(
        "The files are in `{}`. Java reads JAVA_TOOL_OPTIONS; to add the CA to your own truststore, run\n  \
         keytool -importcert -noprompt -alias yotpo-mock -file {} -keystore TRUSTSTORE",
        folder.display(),
        quote_for_sh(&files.ca_bundle)
    );
    if options.format == OutputFormat::Github {
        eprintln!(
            "GitHub rejects NODE_OPTIONS in that file. For Node before 22.21, add this to `env:` of the step:\n  \
             NODE_OPTIONS: --require {}",
            files.node_script
        );
    }
    Ok(())
}

fn credentials(text: &str) -> Result<(String, Option<String>), InvalidValue> {
    let (id, secret) = match text.split_once(':') {
        Some((id, secret)) => (id, Some(secret)),
        None => (text, None),
    };
    if id.is_empty() || secret == Some("") {
        return Err(InvalidValue::Credentials);
    }
    Ok((id.to_owned(), secret.map(str::to_owned)))
}
