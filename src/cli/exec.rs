//! `yotpo-mock exec`: runs a command with its own emulator.

mod signals;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use yotpo_mock::{ProblemKind, Report, YotpoMock};

use super::address::MockAddress;
use super::client_files::{ClientFiles, read_certificate};
use super::control_client::ControlClient;
use super::environment::{ClientEnvironment, StoreCredentials};
use super::error::{CliError, without_os_error};
use super::options::ServeOptions;
use super::serve::{GRACE_PERIOD, start_log};
use signals::ForwardedSignals;

/// The command succeeded, and `--fail-on` found problems.
const PROBLEMS_FOUND: u8 = 3;

/// As shells do: the command cannot be executed, or does not exist.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// As shells do: added to the number of the signal that killed the command.
const KILLED_BY_SIGNAL: i32 = 128;

/// The group of flags for the run of the command, in the help.
const RUN: &str = "Run";

const AFTER_HELP: &str = "\
The command reaches the emulator through `https://api.yotpo.com` as well as $YOTPO_API_URL: its environment has the variables that \
`yotpo-mock env` prints. stdout belongs to the command. stderr also has the emulator's warnings, and with --quiet=false or --verbose \
its requests. TERM, INT, HUP, QUIT, USR1 and USR2 are forwarded to the command.

Try it:
  yotpo-mock exec --store shop:s3cret --fail-on no-requests,unmatched,server-error -- pytest

Exit codes: the command's own; 128 plus the signal's number if it was killed; 126 if it cannot be executed, 127 if it does not \
exist; 1 if the emulator could not start, or the report or state not be saved; 2 wrong usage; 3 if the command succeeded and --fail-on \
found problems.";

#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct ExecOptions {
    /// Fail and list the problems if the run has any of these: `no-requests` at all, `unmatched` requests, a `server-error` of the
    /// emulator itself, a `note`, notes of one grade (`note:assumed`) or one note (`note:customers.coerced`). Repeatable.
    #[arg(long, help_heading = RUN, value_name = "KIND,…", value_delimiter = ',')]
    fail_on: Vec<ProblemKind>,
    /// Write the run's report to a file, in the JSON format of `GET /_mock/report`.
    #[arg(long, help_heading = RUN, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    pub serve: ServeOptions,
    /// Command to run, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub fn run(options: ExecOptions) -> Result<ExitCode, CliError> {
    let serve = options.serve.on_a_free_port().quiet_by_default();
    let _log_guard = start_log(&serve)?;
    super::log_env_warnings();
    // Before the command runs: it may take long, and could not be run again for a report.
    let report_file = options.report.map(ReportFile::create).transpose()?;
    let signals = ForwardedSignals::catch().map_err(CliError::CatchSignals)?;
    let trust = Trust {
        control_token: serve.control_token.clone(),
        certificate: serve.tls.certificate().map(Path::to_owned),
        with_system_roots: serve.needs_system_roots(),
    };
    let mock = super::serve::start(serve.into_builder(), &Arc::new(AtomicBool::new(true)))?;
    let folder = tempfile::Builder::new().prefix("yotpo-mock-").tempdir();
    let folder = folder.map_err(CliError::CreateTemporaryFolder)?;
    let environment = environment(&mock, &trust, folder.path())?;
    let (program, arguments) = options.command.split_first().expect("clap requires a command");
    let spawned = Command::new(program).args(arguments).envs(environment.variables).spawn();
    let status = match spawned {
        Ok(child) => signals
            .wait_for(child)
            .map_err(|source| CliError::WaitForCommand { command: program.display().to_string(), source })?,
        Err(error) => return Ok(report_spawn_error(program, &error)),
    };
    let report = mock.report();
    let saved = mock.stop(GRACE_PERIOD).map_err(CliError::SaveState);
    let written = report_file.map_or(Ok(()), |file| file.write(&report));
    if report.requests() == 0 {
        eprintln!(
            "warning: the command sent no request to the emulator\nhint: its client may ignore the proxy variables, as aiohttp without \
             `trust_env=True`, PHP's streams and Node before 22.21 in part do; let it call $YOTPO_API_URL instead of \
             https://api.yotpo.com"
        );
    }
    let problems = report.problems(&options.fail_on);
    if !problems.is_empty() {
        eprintln!("error: `--fail-on` found problems in this run");
        problems.iter().for_each(|line| eprintln!("  {line}"));
        eprintln!("hint: `--report FILE` saves all counts, `--journal-file FILE` every request");
    }
    match (exit_code(status), saved.and(written)) {
        (0, Err(error)) => Err(error),
        (0, Ok(())) if !problems.is_empty() => Ok(ExitCode::from(PROBLEMS_FOUND)),
        // The command's own failure takes precedence.
        (code, result) => {
            if let Err(error) = result {
                error.print();
            }
            Ok(ExitCode::from(code))
        }
    }
}

/// What the command must trust.
struct Trust {
    control_token: Option<String>,
    /// The user's own certificate, used instead of the emulator's CA.
    certificate: Option<PathBuf>,
    with_system_roots: bool,
}

fn environment(mock: &YotpoMock, trust: &Trust, folder: &Path) -> Result<ClientEnvironment, CliError> {
    let address = MockAddress::parse(mock.url()).expect("a mock has a valid URL").into_connectable();
    let url = address.url();
    let ca_certificate = match &trust.certificate {
        Some(file) => read_certificate(file)?,
        None => ControlClient::new(&url, trust.control_token.as_deref()).ca_certificate()?,
    };
    let files = ClientFiles::write(folder, &address, &ca_certificate, trust.with_system_roots)?;
    // `mock.store` would declare a store that does not exist yet.
    let store = match mock.store_ids().into_iter().next() {
        Some(id) => StoreCredentials { secret: mock.store(&*id).secret().to_owned(), id },
        None => StoreCredentials { id: super::ANY_STORE.to_owned(), secret: super::ANY_SECRET.to_owned() },
    };
    let environment = ClientEnvironment::new(&address, &store, &files, |name| std::env::var(name).ok());
    for warning in &environment.warnings {
        tracing::warn!("{warning}");
    }
    Ok(environment)
}

fn report_spawn_error(program: &OsStr, error: &io::Error) -> ExitCode {
    let (reason, code) = if error.kind() == io::ErrorKind::NotFound {
        ("command not found".to_owned(), NOT_FOUND)
    } else {
        (without_os_error(&error.to_string()).to_owned(), NOT_EXECUTABLE)
    };
    eprintln!(
        "error: cannot run `{}`: {reason}\nhint: write a program and its arguments after `--`; `sh -c` runs a line of shell",
        program.display()
    );
    ExitCode::from(code)
}

struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    fn create(path: PathBuf) -> Result<ReportFile, CliError> {
        match File::create(&path) {
            Ok(file) => Ok(ReportFile { path, file }),
            Err(source) => Err(CliError::WriteReport { path, source }),
        }
    }

    fn write(mut self, report: &Report) -> Result<(), CliError> {
        let written = writeln!(self.file, "{:#}", report.to_json());
        written.map_err(|source| CliError::WriteReport { path: self.path, source })
    }
}

/// The exit code of a command, as a shell reports it.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let code = status.code().or(signal.map(|signal| KILLED_BY_SIGNAL + signal));
    // Some systems have codes larger than a byte.
    u8::try_from(code.unwrap_or(1)).unwrap_or(1)
}
