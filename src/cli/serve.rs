//! `yotpo-mock serve`: starts an emulator, prints its address, and stops it on a signal.

mod stop;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use tokio::runtime::Builder as RuntimeBuilder;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use yotpo_mock::{Builder, Host, Report, YotpoMock};

use super::error::CliError;
use super::log::{self, LogGuard};
use super::log_format::{JsonLines, TEXTS, TerminalLines};
use super::options::{LogFormat, ServeOptions, heading};
use super::values::switch;
use stop::{StdinEnd, StopSignals};

/// The time that requests in flight have to finish after a stop signal.
pub const GRACE_PERIOD: Duration = Duration::from_millis(800);

/// The number of stores that the start lists.
const MAX_LISTED_STORES: usize = 5;

#[derive(Debug, Args)]
pub struct ServeCommand {
    #[command(flatten)]
    pub options: ServeOptions,
    /// Stop when stdin is closed, as it is when the process that started the emulator and holds a pipe to it has ended.
    #[arg(long, help_heading = heading::LISTEN, hide_short_help = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    until_stdin_closes: Option<bool>,
}

pub fn run(command: ServeCommand) -> Result<(), CliError> {
    let options = command.options;
    let _log_guard = start_log(&options)?;
    super::log_env_warnings();
    let host = options.host.unwrap_or_default();
    if let Host::Address(address) = host
        && !host.is_loopback()
    {
        tracing::warn!("listening on `{address}`, which other machines can reach: only the network restricts access");
    }
    let runtime = RuntimeBuilder::new_current_thread().enable_io().build().map_err(CliError::CatchSignals)?;
    // The address is printed later: whoever knows it can already stop the emulator cleanly.
    let stop_signals = runtime.block_on(async { StopSignals::catch() });
    let stop_signals = stop_signals.map_err(CliError::CatchSignals)?;
    let is_starting = Arc::new(AtomicBool::new(true));
    let stdin_end = match command.until_stdin_closes {
        Some(true) => Some(StdinEnd::watch(is_starting.clone()).map_err(CliError::WatchStdin)?),
        _ => None,
    };
    let mock = start(options.into_builder(), &is_starting)?;
    // Before the address is printed: the requests of whoever reads it are logged after this.
    log_start(&mock);
    // Nobody may be reading stdout, which is no reason to stop.
    let _ = writeln!(io::stdout(), "yotpo-mock listening on {}", mock.url()).and_then(|()| io::stdout().flush());
    runtime.block_on(stop::wait(stop_signals, stdin_end));
    let report = mock.report();
    let stopped = mock.stop(GRACE_PERIOD).map_err(CliError::SaveState);
    log_end(&report);
    stopped
}

/// Logs where the emulator is, and how to point a client at it.
fn log_start(mock: &YotpoMock) {
    let (version, url, stores) = (env!("CARGO_PKG_VERSION"), mock.url(), mock.store_ids());
    let control_url = format!("{url}/_mock");
    if !is_terminal() {
        tracing::info!(version, url, control_url, stores = stores.join(","), "ready");
        return;
    }
    let stores = if stores.is_empty() {
        "none yet; any id and secret are accepted".to_owned()
    } else if stores.len() > MAX_LISTED_STORES {
        format!("{} and {} more", stores[..MAX_LISTED_STORES].join(", "), stores.len() - MAX_LISTED_STORES)
    } else {
        stores.join(", ")
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

/// Starts an emulator. While `is_starting`, a signal ends the process at once: reading the seeds may take long.
pub fn start(builder: Builder, is_starting: &Arc<AtomicBool>) -> Result<YotpoMock, CliError> {
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGHUP, signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // As a shell reports a command that a signal ended.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, is_starting.clone())
            .map_err(CliError::CatchSignals)?;
    }
    let mock = builder.try_start();
    is_starting.store(false, Ordering::SeqCst);
    Ok(mock?)
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
