//! `yotpo-mock env`: what a client needs in its environment to come to a running mock.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::address::Address;
use super::control::Control;
use super::environment::{Account, Environment, Format, quoted_for_sh};
use super::files::{self, Files};

#[derive(Debug, Args)]
pub struct Env {
    /// Where the mock listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4600", value_parser = Address::parse)]
    url: Address,
    /// The store that clients are told, if need be with its secret. [default: the mock's first, or `shop`]
    #[arg(long, value_name = "ID[:SECRET]", value_parser = account)]
    store: Option<(String, Option<String>)>,
    /// How to write the variables.
    #[arg(long, value_name = "FORMAT", default_value = "sh")]
    format: Format,
    /// Where to put the files that the variables name. [default: a folder of the mock's own in the user's cache]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Trust what this system trusts, too: for a mock that was started with `--proxy-passthrough`.
    #[arg(long)]
    system_roots: bool,
    /// Whom to trust, in PEM, for a mock that was started with `--tls-cert`. [default: what `GET /_mock/ca.pem` tells]
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// What the mock was started with as `--control-token`; or the variable YOTPO_MOCK_CONTROL_TOKEN.
    #[arg(long, value_name = "TOKEN")]
    pub control_token: Option<String>,
}

pub fn run(options: &Env) -> Result<(), Failure> {
    let mock = options.url.clone().callable();
    let url = mock.url();
    let control = Control::new(&url, options.control_token.as_deref());
    let authority = match &options.authority {
        Some(file) => files::read(file)?,
        None => control.authority()?,
    };
    let account = match options.store.clone() {
        Some((id, Some(secret))) => Account { id, secret },
        Some((id, None)) => Account {
            secret: control.secret(&id)?,
            id,
        },
        None => {
            let id = control.first_store()?.unwrap_or_else(|| super::ANY_STORE.to_owned());
            Account {
                secret: control.secret(&id)?,
                id,
            }
        }
    };
    let folder = match &options.dir {
        Some(folder) => folder.clone(),
        None => files::folder_of(&mock)?,
    };
    let files = Files::write(&folder, &mock, &authority, options.system_roots)?;
    let environment = Environment::of(&mock, &account, &files, |name| std::env::var(name).ok());
    let written = environment.written(options.format);
    let printed = io::stdout()
        .write_all(written.as_bytes())
        .and_then(|()| io::stdout().flush());
    printed.map_err(|error| Failure {
        error: format!("cannot print the variables: {error}"),
        hint: "look at what reads them".to_owned(),
    })?;
    for remark in environment.remarks {
        eprintln!("{remark}");
    }
    eprintln!(
        "The files are in `{}`. Java needs nothing but JAVA_TOOL_OPTIONS; a truststore of your own learns whom to trust by\n  \
         keytool -importcert -noprompt -alias yotpo-mock -file {} -keystore TRUSTSTORE",
        folder.display(),
        quoted_for_sh(&files.authorities)
    );
    if options.format == Format::Github {
        eprintln!(
            "GitHub takes no NODE_OPTIONS from that file. Node before 22.21 needs, under `env:` of its step,\n  \
             NODE_OPTIONS: --require {}",
            files.node
        );
    }
    Ok(())
}

fn account(text: &str) -> Result<(String, Option<String>), String> {
    let (id, secret) = match text.split_once(':') {
        Some((id, secret)) => (id, Some(secret)),
        None => (text, None),
    };
    if id.is_empty() || secret == Some("") {
        return Err("a store is ID or ID:SECRET, split at the first colon, neither of them empty".to_owned());
    }
    Ok((id.to_owned(), secret.map(str::to_owned)))
}
