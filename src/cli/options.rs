//! The settings of an emulator, as flags.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use yotpo_mock::journal::DEFAULT_ENTRIES;
use yotpo_mock::{Builder, DEFAULT_PORT, EmptyResult, Host, Validation, YotpoMock};

use super::tls_flags::TlsFlags;
use super::values::{
    InvalidValue, empty_result, origin, positive_duration, positive_size, size, switch, validation, whole_number,
    workers,
};

/// The groups of flags in the help.
pub mod heading {
    pub const LISTEN: &str = "Server";
    pub const STORES: &str = "Stores and data";
    pub const BEHAVIOUR: &str = "Behaviour of the emulated API";
    pub const CONTROL: &str = "Control API";
    pub const TLS_AND_PROXY: &str = "TLS and proxy";
    pub const JOURNAL_AND_LOG: &str = "Request journal and log";
}

/// The settings as given. Defaults are filled in by [`into_builder`](ServeOptions::into_builder).
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// IP address to listen on, or `localhost` for 127.0.0.1 and, where available, ::1. [default: localhost]
    #[arg(long, help_heading = heading::LISTEN, value_name = "ADDR")]
    pub host: Option<Host>,
    /// Port to listen on; 0 takes a free one. [default: 4600]
    #[arg(long, help_heading = heading::LISTEN, value_name = "N", value_parser = whole_number::<u16>)]
    port: Option<u16>,
    /// Number of threads that serve requests. [default: 1]
    #[arg(long, help_heading = heading::LISTEN, hide_short_help = true, value_name = "N", value_parser = workers)]
    workers: Option<usize>,
    /// Declare a store: its id and secret, split at the first colon. Repeatable.
    ///
    /// With a declared store, only declared stores and issued tokens are accepted.
    #[arg(long, help_heading = heading::STORES, value_name = "ID:SECRET", value_delimiter = '\n')]
    store: Vec<String>,
    /// Load stores with customers and events from a JSON or NDJSON file, or from all `*.json` and `*.ndjson` files of a folder. Repeatable.
    #[arg(long, help_heading = heading::STORES, value_name = "PATH", value_delimiter = '\n')]
    seed: Vec<PathBuf>,
    /// Load stores with customers and events from this text, a seed as in a file.
    #[arg(long, help_heading = heading::STORES, hide_short_help = true, value_name = "JSON")]
    seed_json: Option<String>,
    /// Load the state from this file, if it exists, and save it there on a clean stop.
    ///
    /// Seeds are not loaded if the file exists.
    #[arg(long, help_heading = heading::STORES, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Maximum requests per second for each store; 0 disables the limit. [default: 0]
    #[arg(long, help_heading = heading::BEHAVIOUR, value_name = "N", value_parser = whole_number::<u32>)]
    rate_limit: Option<u32>,
    /// Time until an accepted write is visible to reads, for example 60s. [default: 0s]
    #[arg(long, help_heading = heading::BEHAVIOUR, value_name = "DURATION", value_parser = humantime::parse_duration)]
    visibility_delay: Option<Duration>,
    /// Answer to a search without results: 200 with an empty list, or 400 `No results found`. [default: ok]
    #[arg(long, help_heading = heading::BEHAVIOUR, hide_short_help = true, value_name = "ANSWER", value_parser = empty_result())]
    empty_result: Option<EmptyResult>,
    /// How to validate writes. [default: strict]
    ///
    /// `lenient` accepts unknown enumeration values, ISO codes and dates.
    #[arg(long, help_heading = heading::BEHAVIOUR, value_name = "MODE", value_parser = validation())]
    validation: Option<Validation>,
    /// Drop deprecated fields on write, and add a note to the answer.
    #[arg(long, help_heading = heading::BEHAVIOUR, hide_short_help = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    enforce_deprecations: Option<bool>,
    /// Accept issued tokens only, even if no store is declared.
    #[arg(long, help_heading = heading::BEHAVIOUR, hide_short_help = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    issued_tokens_only: Option<bool>,
    /// Behave like production: rate limit 5, visibility delay 60s, issued tokens only.
    ///
    /// Other flags and variables override it.
    #[arg(long, help_heading = heading::BEHAVIOUR, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    realistic: Option<bool>,
    /// Maximum size of a request body to the emulated API, for example 64KiB; larger ones get 413. [default: 1MiB]
    #[arg(long, help_heading = heading::BEHAVIOUR, hide_short_help = true, value_name = "SIZE", value_parser = positive_size)]
    body_limit: Option<usize>,
    /// Time in which a connection's first request head, and each body, must arrive, and longest pause in the body of a control request; then 408. [default: 10s]
    #[arg(long, help_heading = heading::BEHAVIOUR, hide_short_help = true, value_name = "DURATION", value_parser = positive_duration)]
    read_timeout: Option<Duration>,
    /// Accept requests to a further host name, or to any with `*`. Repeatable.
    ///
    /// `*` lets any web page whose name is redirected to this machine read and change everything; `--control-token` prevents it.
    #[arg(long, help_heading = heading::CONTROL, hide_short_help = true, value_name = "NAME", value_delimiter = '\n')]
    control_host: Vec<String>,
    /// Require `Authorization: Bearer TOKEN` for the control API, except for /_mock/health.
    #[arg(long, help_heading = heading::CONTROL, hide_short_help = true, value_name = "TOKEN", value_parser = NonEmptyStringValueParser::new())]
    pub control_token: Option<String>,
    /// Maximum size of a request body to the control API; larger ones get 413. [default: 256MiB]
    #[arg(long, help_heading = heading::CONTROL, hide_short_help = true, value_name = "SIZE", value_parser = positive_size)]
    control_body_limit: Option<usize>,
    /// Allow browser pages of an origin, for example http://localhost:3000, to call both APIs. Repeatable.
    #[arg(long, help_heading = heading::CONTROL, hide_short_help = true, value_name = "ORIGIN", value_delimiter = '\n', value_parser = origin)]
    cors: Vec<String>,
    #[command(flatten)]
    pub tls: TlsFlags,
    /// Allow the proxy to reach this host, on port 443 or the one given; all others are blocked. Repeatable.
    #[arg(long, help_heading = heading::TLS_AND_PROXY, hide_short_help = true, value_name = "HOST[:PORT]", value_delimiter = '\n')]
    proxy_passthrough: Vec<String>,
    /// Maximum number of requests of each store in the request journal. [default: 1000]
    #[arg(long, help_heading = heading::JOURNAL_AND_LOG, hide_short_help = true, value_name = "N", value_parser = whole_number::<usize>)]
    journal_entries: Option<usize>,
    /// Maximum memory of the request journal; the store that needs the most loses its oldest requests. [default: 64MiB]
    #[arg(long, help_heading = heading::JOURNAL_AND_LOG, hide_short_help = true, value_name = "SIZE", value_parser = positive_size)]
    journal_bytes: Option<usize>,
    /// Maximum part of each body that the request journal stores. [default: 16KiB]
    #[arg(long, help_heading = heading::JOURNAL_AND_LOG, hide_short_help = true, value_name = "SIZE", value_parser = size)]
    journal_body_bytes: Option<usize>,
    /// Also write the request journal to a file, one line of JSON per request.
    ///
    /// If the file is too slow, requests do not wait: a line such as {"lost":12} counts those that are missing.
    #[arg(long, help_heading = heading::JOURNAL_AND_LOG, value_name = "FILE")]
    journal_file: Option<PathBuf>,
    /// Format of the log on stderr, which has one line per request; `text` is aligned and coloured on a terminal. [default: text]
    #[arg(long, help_heading = heading::JOURNAL_AND_LOG, hide_short_help = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Log warnings only.
    #[arg(long, help_heading = heading::JOURNAL_AND_LOG, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    pub quiet: Option<bool>,
    /// Also log details of TLS handshakes and proxy tunnels.
    #[arg(short, long, help_heading = heading::JOURNAL_AND_LOG, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    pub verbose: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl ServeOptions {
    /// A builder with these settings. Each flag takes precedence over `--realistic`, and that over the defaults.
    pub fn into_builder(self) -> Builder {
        let builder = YotpoMock::builder()
            .host(self.host.unwrap_or_default())
            .port(self.port.unwrap_or(DEFAULT_PORT))
            .journal_entries(self.journal_entries.unwrap_or(DEFAULT_ENTRIES));
        let mut builder = if self.realistic == Some(true) { builder.realistic() } else { builder };
        macro_rules! set_given {
            ($($setting:ident),*) => {
                $(if let Some(value) = &self.$setting { builder = builder.$setting(value.clone()); })*
            };
        }
        set_given!(rate_limit, visibility_delay, empty_result, validation, enforce_deprecations, issued_tokens_only);
        set_given!(body_limit, read_timeout, control_token, control_body_limit, workers);
        set_given!(journal_bytes, journal_body_bytes, journal_file);
        for (id, secret) in self.stores().expect("`parse` checked the declarations") {
            builder = builder.store(id, secret);
        }
        builder = non_empty(&self.control_host).fold(builder, Builder::control_host);
        builder = non_empty(&self.cors).fold(builder, Builder::cors);
        builder = non_empty(&self.proxy_passthrough).fold(builder, Builder::proxy_passthrough);
        builder = non_empty(&self.seed).fold(builder, Builder::seed_file);
        builder = non_empty(self.seed_json).fold(builder, Builder::seed);
        builder = non_empty(&self.state).fold(builder, Builder::state_file);
        self.tls.into_builder(builder)
    }

    /// The declared stores, as ids and secrets.
    ///
    /// # Errors
    ///
    /// If a declaration is malformed, or two contradict each other. The error never shows a secret, unlike one of clap's
    /// value parsers.
    pub fn stores(&self) -> Result<Vec<(&str, &str)>, InvalidValue> {
        let mut stores: Vec<(&str, &str)> = Vec::new();
        for text in self.store.iter().filter(|text| !text.is_empty()) {
            let (id, secret) = text
                .split_once(':')
                .filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
                .ok_or(InvalidValue::StoreDeclaration)?;
            if stores.iter().any(|(known, other)| *known == id && *other != secret) {
                return Err(InvalidValue::TwoSecrets(id.to_owned()));
            }
            stores.push((id, secret));
        }
        Ok(stores)
    }

    /// For `exec`: its command learns the address from the environment, so any port serves.
    pub fn on_a_free_port(self) -> ServeOptions {
        let port = Some(self.port.unwrap_or(0));
        ServeOptions { port, ..self }
    }

    /// For `exec`: its command shares stderr with the log.
    pub fn quiet_by_default(self) -> ServeOptions {
        let quiet = Some(self.quiet.unwrap_or(!self.verbose.unwrap_or_default()));
        ServeOptions { quiet, ..self }
    }

    /// Whether clients may see certificates that the emulator's own CA did not issue: those of hosts that the proxy may reach, and
    /// that of `--tls-cert`.
    pub fn needs_system_roots(&self) -> bool {
        self.tls.certificate().is_some() || non_empty(&self.proxy_passthrough).next().is_some()
    }
}

/// The values that are not empty: an empty line of a variable, or `--state=`, counts as unset.
pub fn non_empty<T: AsRef<OsStr>>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    values.into_iter().filter(|value| !value.as_ref().is_empty())
}
