//! `yotpo-mock serve`: start, print the address, wait for a signal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::runtime::Builder as Runtime;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use yotpo_mock::Host;

use super::{Failure, LogFormat, Serve};
use crate::log;

/// How long requests that are being answered may take once a signal has come.
pub const GRACE: Duration = Duration::from_millis(800);

pub fn run(options: Serve) -> Result<(), Failure> {
    let _rest = start_log(&options)?;
    for warning in super::warnings() {
        tracing::warn!("{warning}");
    }
    let host = options.host.unwrap_or_default();
    if let Host::Address(address) = host
        && !host.is_loopback()
    {
        tracing::warn!(
            "listening on `{address}`, which other machines can reach: there is no protection but the network's"
        );
    }
    // Signals are caught before anybody can know that the mock is there.
    let signals = Runtime::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| Failure {
            error: format!("cannot wait for signals: {error}"),
            hint: "look at the limits of this process".to_owned(),
        })?;
    let stopped = signals.block_on(async { Signals::catch() });
    let stopped = stopped.map_err(|error| Failure {
        error: format!("cannot catch signals: {error}"),
        hint: "look at the limits of this process".to_owned(),
    })?;
    let mock = options.into_builder().try_start().map_err(|error| Failure {
        hint: error.hint().to_owned(),
        error: error.to_string(),
    })?;
    // A reader that has gone does not need the line.
    let _ = writeln!(io::stdout(), "yotpo-mock listening on {}", mock.url()).and_then(|()| io::stdout().flush());
    signals.block_on(stopped.first());
    mock.stop(GRACE).map_err(|error| Failure {
        error: format!("cannot save the state: {error}"),
        hint: "the file is as it was saved last; look at its folder and at the disk".to_owned(),
    })
}

/// Starts the log; it ends when what this gives is dropped.
pub fn start_log(options: &Serve) -> Result<log::Rest, Failure> {
    let (writer, rest) = log::start().map_err(|error| Failure {
        error: format!("cannot start the thread of the log: {error}"),
        hint: "look at the limits of this process".to_owned(),
    })?;
    let level = match (options.quiet, options.verbose) {
        (Some(true), _) => LevelFilter::WARN,
        (_, Some(true)) => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false);
    let log = tracing_subscriber::registry().with(Targets::new().with_target("yotpo_mock", level));
    match options.log_format.unwrap_or_default() {
        LogFormat::Text => log.with(lines).init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true)).init(),
    }
    Ok(rest)
}

/// The signals that ask a process to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn catch() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn first(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn catch() -> io::Result<Signals> {
        Ok(Signals {})
    }

    async fn first(self) {
        // Where signals cannot be caught, the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
