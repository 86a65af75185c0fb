//! Why a subcommand failed, and what the user can do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use yotpo_mock::{SaveError, StartError};

use super::client::RequestError;

/// Why a subcommand failed. The display form is one line without the hint.
#[derive(Debug, Error)]
pub enum CliError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    SaveState(#[from] SaveError),
    #[error("cannot start the log thread: {0}")]
    StartLog(#[source] io::Error),
    #[error("cannot catch signals: {0}")]
    CatchSignals(#[source] io::Error),
    #[error("cannot start the thread that reads stdin: {0}")]
    WatchStdin(#[source] io::Error),
    #[error("cannot wait for `{command}`: {source}")]
    WaitForCommand { command: String, source: io::Error },
    #[error("`{url}` is not ready after {}: {source}", humantime::format_duration(*.timeout))]
    NotReady { url: String, timeout: Duration, source: RequestError },
    #[error("`{url}`: {source}")]
    Request { url: String, source: RequestError },
    #[error("cannot write to stdout: {0}")]
    Print(#[source] io::Error),
    #[error("cannot read the certificate in `{}`: {source}", .path.display())]
    ReadCertificate { path: PathBuf, source: io::Error },
    #[error("the CA certificate for clients is not in PEM format")]
    InvalidCertificate,
    #[error("cannot find the certificates that this system trusts, which clients need for hosts outside the emulator")]
    NoSystemRoots,
    #[error("cannot choose a folder for the files that clients need: `HOME` is not set")]
    NoCacheFolder,
    #[error("cannot create a temporary folder for the files that clients need: {0}")]
    CreateTemporaryFolder(#[source] io::Error),
    #[error("cannot write the files that clients need to `{}`: {source}", .folder.display())]
    WriteClientFiles { folder: PathBuf, source: io::Error },
    #[error("cannot write the report to `{}`: {source}", .path.display())]
    WriteReport { path: PathBuf, source: io::Error },
}

impl CliError {
    fn hint(&self) -> &str {
        match self {
            CliError::Start(error) => error.hint(),
            CliError::SaveState(error) => error.hint(),
            CliError::StartLog(_)
            | CliError::CatchSignals(_)
            | CliError::WatchStdin(_)
            | CliError::WaitForCommand { .. } => "check the resource limits of this process",
            CliError::NotReady { .. } => {
                "`yotpo-mock` prints its address on stdout, and on stderr why it could not start"
            }
            CliError::Request { source, .. } => source.hint(),
            CliError::Print(_) => "check the program that reads it",
            CliError::ReadCertificate { .. } => "it must be a PEM file, as `openssl x509` prints it",
            CliError::InvalidCertificate => {
                "it must begin with `-----BEGIN CERTIFICATE-----`, like the answer of `GET /_mock/ca.pem`"
            }
            CliError::NoSystemRoots => "set `SSL_CERT_FILE` to the PEM file that has them",
            CliError::NoCacheFolder => "name one with `--dir DIR`",
            CliError::CreateTemporaryFolder(_) => "check the temporary folder; `TMPDIR` sets another",
            CliError::WriteClientFiles { .. } => "name a writable folder with `--dir DIR`",
            CliError::WriteReport { .. } => "`--report` needs a file in an existing, writable folder",
        }
    }

    /// Prints the error and its hint on stderr.
    pub fn print(&self) {
        eprintln!("error: {}\nhint: {}", without_os_error(&self.to_string()), self.hint());
    }
}

/// The text without the number of the system's error at its end.
pub fn without_os_error(text: &str) -> &str {
    text.rsplit_once(" (os error ").map_or(text, |(text, _number)| text)
}
