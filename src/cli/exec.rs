//! `yotpo-mock exec`: a mock for as long as a command runs, and the command's environment leading to it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};

use clap::Args;
use yotpo_mock::{Report, YotpoMock};

use super::address::Address;
use super::control::Control;
use super::environment::{Account, Environment};
use super::fail_on::{self, FailOn};
use super::files::{self, Files};
use super::serve::{GRACE, start_log};
use super::{Failure, Serve};

/// The command has passed, and the run has not.
const FOUND: u8 = 3;

/// As shells have it: the command is there and cannot be run, or it is not there.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// As shells have it: what is added to the number of the signal that ended a command.
const KILLED: i32 = 128;

const AFTER_HELP: &str = "\
The command comes to the mock by `https://api.yotpo.com` as by $YOTPO_API_URL: its environment is what `yotpo-mock env` prints. \
stdout is the command's alone; on stderr are the mock's warnings, and with --quiet=false or --verbose its requests. \
TERM, INT, HUP, QUIT, USR1 and USR2 are passed on to the command.

Try it:
  yotpo-mock exec --store shop:s3cret --fail-on unmatched,server-error -- pytest

Exit codes: the command's own; 128 and the signal's number if it was killed; 126 if it cannot be run, 127 if it is not there; \
1 if the mock did not start, the report was not written or the state not saved; 2 wrong usage; 3 if the command passed and --fail-on found something.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Exec {
    /// Fail if the run has these, and list them: `unmatched` requests, a `server-error` of the mock's own, a `note`, notes of a
    /// grade (`note:assumed`) or one note (`note:customers.coerced`). May be repeated.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    /// Write the run's report to a file, in JSON, as `GET /_mock/report` tells it.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    pub serve: Serve,
    /// What to run, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Serve {
    /// For a mock that nobody but one command has to find.
    fn on_a_free_port(self) -> Serve {
        let port = Some(self.port.unwrap_or(0));
        Serve { port, ..self }
    }

    /// For a mock whose stderr is a command's, too.
    fn quiet_unless_asked(self) -> Serve {
        let quiet = Some(self.quiet.unwrap_or(!self.verbose.unwrap_or_default()));
        Serve { quiet, ..self }
    }

    fn control_token(&self) -> Option<&str> {
        self.control_token.as_deref()
    }

    /// Whether clients meet certificates that are not of the mock's own making: behind the hosts that are let through, or its.
    fn needs_system_roots(&self) -> bool {
        self.tls.cert().is_some() || self.proxy_passthrough.iter().any(|host| !host.is_empty())
    }
}

pub fn run(options: Exec) -> Result<ExitCode, Failure> {
    let Exec {
        serve,
        fail_on,
        report: report_file,
        command,
    } = options;
    let serve = serve.on_a_free_port().quiet_unless_asked();
    let _rest = start_log(&serve)?;
    for warning in super::warnings() {
        tracing::warn!("{warning}");
    }
    // That it cannot be written is told before anything has happened.
    let report_file = report_file
        .map(|path| create(&path).map(|file| (path, file)))
        .transpose()?;
    let signals = Signals::catch().map_err(|error| Failure {
        error: format!("cannot catch signals: {error}"),
        hint: "look at the limits of this process".to_owned(),
    })?;
    let trust = Trust {
        control_token: serve.control_token().map(str::to_owned),
        own_certificate: serve.tls.cert().map(Path::to_owned),
        with_roots: serve.needs_system_roots(),
    };
    let mock = serve.into_builder().try_start().map_err(|error| Failure {
        hint: error.hint().to_owned(),
        error: error.to_string(),
    })?;
    let folder = tempfile::Builder::new().prefix("yotpo-mock-").tempdir();
    let folder = folder.map_err(|error| Failure {
        error: format!("cannot make a folder for the files that clients need: {error}"),
        hint: "look at the folder for temporary files; `TMPDIR` names another".to_owned(),
    })?;
    let environment = environment(&mock, &trust, folder.path())?;
    let (program, arguments) = command.split_first().expect("a command is required");
    let spawned = Command::new(program)
        .args(arguments)
        .envs(environment.variables)
        .spawn();
    let status = match spawned {
        Ok(child) => signals.pass_on(child).map_err(|error| Failure {
            error: format!("cannot wait for `{}`: {error}", program.display()),
            hint: "look at the limits of this process".to_owned(),
        })?,
        Err(error) => return Ok(cannot_run(program, &error)),
    };
    let report = mock.report();
    let saved = mock.stop(GRACE).map_err(|error| Failure {
        error: format!("cannot save the state: {error}"),
        hint: "the file is as it was saved last; look at its folder and at the disk".to_owned(),
    });
    let written = report_file.map_or(Ok(()), |(path, file)| write(&path, file, &report));
    let found = fail_on::find(&report, &fail_on);
    if !found.is_empty() {
        eprintln!("error: the run had what `--fail-on` names");
        found.iter().for_each(|line| eprintln!("  {line}"));
        eprintln!("hint: `--report FILE` keeps all that was counted, `--journal-file FILE` every request");
    }
    match (code_of(status), saved.and(written)) {
        (0, Err(failure)) => Err(failure),
        (0, Ok(())) if !found.is_empty() => Ok(ExitCode::from(FOUND)),
        // That the command has failed says more than what came after it.
        (code, done) => {
            if let Err(failure) = done {
                failure.tell();
            }
            Ok(ExitCode::from(code))
        }
    }
}

/// Whom the command is to trust.
struct Trust {
    /// What asking the mock for its authority takes.
    control_token: Option<String>,
    /// The user's own, which is shown in the place of one by the mock's authority.
    own_certificate: Option<PathBuf>,
    with_roots: bool,
}

/// What the command needs to come to the mock.
fn environment(mock: &YotpoMock, trust: &Trust, folder: &Path) -> Result<Environment, Failure> {
    let address = Address::parse(mock.url()).expect("a mock's address is one").callable();
    let url = address.url();
    let authority = match &trust.own_certificate {
        Some(file) => files::read(file)?,
        None => Control::new(&url, trust.control_token.as_deref()).authority()?,
    };
    let files = Files::write(folder, &address, &authority, trust.with_roots)?;
    // A store is asked for by its id only where it is known: it would be declared.
    let account = match mock.store_ids().into_iter().next() {
        Some(id) => Account {
            secret: mock.store(&*id).secret().to_owned(),
            id,
        },
        None => Account {
            id: super::ANY_STORE.to_owned(),
            secret: super::ANY_SECRET.to_owned(),
        },
    };
    let environment = Environment::of(&address, &account, &files, |name| std::env::var(name).ok());
    for remark in &environment.remarks {
        tracing::warn!("{remark}");
    }
    Ok(environment)
}

fn cannot_run(program: &std::ffi::OsStr, error: &io::Error) -> ExitCode {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let (reason, code) = if is_missing {
        ("there is no such command".to_owned(), NOT_FOUND)
    } else {
        (error.to_string(), NOT_EXECUTABLE)
    };
    eprintln!(
        "error: cannot run `{}`: {reason}\nhint: what stands after `--` is a program and its arguments; `sh -c` runs a line of shell",
        program.display()
    );
    ExitCode::from(code)
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| unwritten(path, &error))
}

fn write(path: &Path, mut file: File, report: &Report) -> Result<(), Failure> {
    writeln!(file, "{:#}", report.to_json()).map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure {
        error: format!("cannot write the report to `{}`: {error}", path.display()),
        hint: "`--report` names a file in a folder that is there and takes files".to_owned(),
    }
}

/// What a command ended with, as shells tell it.
fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    let code = status.code().or(signal.map(|signal: i32| KILLED + signal)).unwrap_or(1);
    // Where codes are larger than a byte, all that matters is that it has failed.
    u8::try_from(code).unwrap_or(1)
}

/// The signals that are passed on to the command.
#[cfg(unix)]
struct Signals(signal_hook::iterator::SignalsInfo<signal_hook::iterator::exfiltrator::WithOrigin>);

#[cfg(unix)]
impl Signals {
    fn catch() -> io::Result<Signals> {
        use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
        let signals = [SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
        signal_hook::iterator::SignalsInfo::new(signals).map(Signals)
    }

    /// Waits until a command ends, and passes on what comes meanwhile.
    fn pass_on(mut self, mut child: Child) -> io::Result<ExitStatus> {
        use rustix::process::{Pid, Signal, kill_process};
        use signal_hook::low_level::siginfo::Cause;

        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process has a number that is not 0");
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            for origin in self.0.wait() {
                // What a terminal sends comes from the kernel, and reaches the command as it reaches us.
                let is_terminals = origin.cause == Cause::Kernel;
                let is_ours = origin.signal == signal_hook::consts::SIGCHLD;
                if let Some(signal) = Signal::from_named_raw(origin.signal)
                    && !is_terminals
                    && !is_ours
                {
                    // The command may have ended; until it was waited for, nobody else has its number.
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn catch() -> io::Result<Signals> {
        Ok(Signals)
    }

    /// Waits until a command ends. Where there are no signals, the console tells both of a Ctrl-C.
    fn pass_on(self, mut child: Child) -> io::Result<ExitStatus> {
        child.wait()
    }
}
