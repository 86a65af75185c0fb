//! `yotpo-mock serve`: starts a mock, prints its address, and stops it on a signal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use tokio::runtime::Builder as RuntimeBuilder;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use yotpo_mock::{Builder, Host, Report, YotpoMock};

use super::error::CliError;
use super::log::{self, LogGuard};
use super::log_format::{JsonLines, TEXTS, TerminalLines};
use super::options::{LogFormat, ServeOptions};

/// The time that requests in flight have to finish after a stop signal.
pub const GRACE_PERIOD: Duration = Duration::from_millis(800);

/// The number of stores that the start lists.
const MAX_LISTED_STORES: usize = 5;

pub fn run(options: ServeOptions) -> Result<(), CliError> {
    let _log_guard = start_log(&options)?;
    super::log_env_warnings();
    let host = options.host.unwrap_or_default();
    if let Host::Address(address) = host
        && !host.is_loopback()
    {
        tracing::warn!("listening on `{address}`, which other machines can reach: only the network restricts access");
    }
    let runtime = RuntimeBuilder::new_current_thread().enable_io().build().map_err(CliError::CatchSignals)?;
    // The address is printed later: whoever knows it can already stop the mock cleanly.
    let stop_signals = runtime.block_on(async { StopSignals::catch() });
    let stop_signals = stop_signals.map_err(CliError::CatchSignals)?;
    let mock = start(options.into_builder())?;
    // Nobody may be reading stdout, which is no reason to stop.
    let _ = writeln!(io::stdout(), "yotpo-mock listening on {}", mock.url()).and_then(|()| io::stdout().flush());
    log_start(&mock);
    runtime.block_on(stop_signals.wait());
    let report = mock.report();
    let stopped = mock.stop(GRACE_PERIOD).map_err(CliError::SaveState);
    log_end(&report);
    stopped
}

/// Logs where the mock is, and how to point a client at it.
fn log_start(mock: &YotpoMock) {
    let (version, url, stores) = (env!("CARGO_PKG_VERSION"), mock.url(), mock.store_ids());
    let control_url = format!("{url}/_mock");
    if !is_terminal() {
        tracing::info!(version, url, control_url, stores = stores.join(","), "ready");
        return;
    }
    let stores = match stores.as_slice() {
        [] => "none yet; any id and secret are accepted".to_owned(),
        [first @ .., _] if first.len() >= MAX_LISTED_STORES => {
            format!("{} and {} more", stores[..MAX_LISTED_STORES].join(", "), stores.len() - MAX_LISTED_STORES)
        }
        all => all.join(", "),
    };
    let env = if url == super::env_vars::DEFAULT_URL { String::new() } else { format!(" --url {url}") };
    tracing::info!(
        target: TEXTS,
        "\nyotpo-mock {version}\n\
         \x20 emulated API  {url}, and by TLS at the same port\n\
         \x20 control API   {control_url}\n\
         \x20 stores        {stores}\n\
         \x20 clients       set their base URL to that of the emulated API, or run: eval \"$(yotpo-mock env{env})\"\n"
    );
}

/// Logs how many requests there were.
fn log_end(report: &Report) {
    let requests = report.requests();
    let unmatched: u64 = report.unmatched().iter().map(|unmatched| unmatched.count).sum();
    let (injected, server_errors) = (report.injected(), report.server_errors());
    if is_terminal() {
        tracing::info!(
            target: TEXTS,
            "\nstopped after {requests} requests: {unmatched} unmatched, {injected} with an injected fault, \
             {server_errors} server errors"
        );
    } else {
        tracing::info!(requests, unmatched, injected, server_errors, "stopped");
    }
}

fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Starts a mock. Until it is ready, a signal ends the process at once: reading the seeds may take long.
pub fn start(builder: Builder) -> Result<YotpoMock, CliError> {
    #[cfg(unix)]
    {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, Ordering};

        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

        let is_starting = Arc::new(AtomicBool::new(true));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // As a shell reports a command that a signal ended.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, is_starting.clone())
                .map_err(CliError::CatchSignals)?;
        }
        let mock = builder.try_start();
        is_starting.store(false, Ordering::SeqCst);
        Ok(mock?)
    }
    #[cfg(not(unix))]
    Ok(builder.try_start()?)
}

/// Starts the log, which ends when the guard is dropped.
pub fn start_log(options: &ServeOptions) -> Result<LogGuard, CliError> {
    let (writer, guard) = log::start().map_err(CliError::StartLog)?;
    let level = match (options.quiet, options.verbose) {
        (Some(true), _) => LevelFilter::WARN,
        (_, Some(true)) => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    let has_colors = is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let other = tracing_subscriber::fmt::format().with_target(false);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(has_colors).event_format(other.clone());
    let log = tracing_subscriber::registry().with(Targets::new().with_target("yotpo_mock", level));
    match options.log_format.unwrap_or_default() {
        LogFormat::Json => log.with(lines.event_format(JsonLines)).init(),
        LogFormat::Text if is_terminal() => log.with(lines.event_format(TerminalLines { other, has_colors })).init(),
        LogFormat::Text => log.with(lines).init(),
    }
    Ok(guard)
}

#[cfg(unix)]
struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn catch() -> io::Result<StopSignals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(StopSignals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the first of them.
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn catch() -> io::Result<StopSignals> {
        Ok(StopSignals)
    }

    async fn wait(self) {
        // Where Ctrl-C cannot be caught, only killing the process ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
