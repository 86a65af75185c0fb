//! The flags, their twins in the environment, and what they come to.

#[cfg(feature = "tls")]
mod address;
mod client;
#[cfg(feature = "tls")]
mod control;
#[cfg(feature = "tls")]
pub mod env;
#[cfg(feature = "tls")]
mod environment;
#[cfg(feature = "tls")]
pub mod exec;
#[cfg(feature = "tls")]
mod fail_on;
#[cfg(feature = "tls")]
mod files;
pub mod serve;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod truststore;
pub mod wait;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use yotpo_mock::journal::{DEFAULT_BODY_BYTES, DEFAULT_BYTES, DEFAULT_ENTRIES};
use yotpo_mock::{
    Builder, DEFAULT_BODY_LIMIT, DEFAULT_PORT, DEFAULT_READ_TIMEOUT, EmptyResult, Host, Validation, YotpoMock,
};

#[cfg(feature = "tls")]
use env::Env;
#[cfg(feature = "tls")]
use exec::Exec;
use wait::Wait;

/// Begins the name of every variable that stands for a flag.
const PREFIX: &str = "YOTPO_MOCK_";

/// The store that clients are told where the mock knows of none, and its secret: any is good.
#[cfg(feature = "tls")]
const ANY_STORE: &str = "shop";
#[cfg(feature = "tls")]
const ANY_SECRET: &str = "any";

/// A local, in-memory, stateful emulator of Yotpo's Core API v3 Customers endpoints.
///
/// Starts in milliseconds, keeps real state, and says so where it only assumes what the vendor does.
/// `yotpo-mock` alone serves on http://127.0.0.1:4600 until it gets SIGTERM, SIGINT or SIGHUP.
#[derive(Debug, Parser)]
#[command(name = "yotpo-mock", version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

const AFTER_HELP: &str = "\
Every flag of `serve` has a twin in the environment, YOTPO_MOCK_ and its name: YOTPO_MOCK_RATE_LIMIT=5. A flag wins over \
its twin, an empty one counts as unset, and flags that may be repeated take one value a line.

Try it:
  yotpo-mock &
  yotpo-mock wait
  curl -H 'X-Yotpo-Token: any' http://127.0.0.1:4600/core/v3/stores/shop/customers

  yotpo-mock exec -- curl -H 'X-Yotpo-Token: any' https://api.yotpo.com/core/v3/stores/shop/customers

Exit codes: 0 stopped by SIGTERM, SIGINT or SIGHUP, or ready; 1 could not start, not ready, or the state not saved; 2 wrong usage; \
those of `exec` stand in its help.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the emulated API; this is what happens without a subcommand.
    Serve(Box<Serve>),
    /// Wait until a mock is ready: 0 as soon as it is, 1 if it does not become so.
    Wait(Wait),
    /// Print the environment that leads a client to a running mock, though https://api.yotpo.com is written into it.
    #[cfg(feature = "tls")]
    Env(Env),
    /// Run a command against a mock of its own, by that environment, and end as it ends.
    #[cfg(feature = "tls")]
    Exec(Box<Exec>),
}

/// What went wrong, and what to do about it.
pub struct Failure {
    pub error: String,
    pub hint: String,
}

impl Failure {
    pub fn tell(&self) {
        let Failure { error, hint } = self;
        eprintln!("error: {error}\nhint: {hint}");
    }
}

/// The settings as they were given; nothing is settled before [`into_builder`](Serve::into_builder).
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen: an IP address, or `localhost`, which is 127.0.0.1 and, where there is one, ::1.
    ///
    /// [default: localhost]
    #[arg(long, value_name = "ADDR")]
    pub host: Option<Host>,
    /// The port to listen on; 0 takes a free one. [default: 4600]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Declare a store, split at the first colon; then only declared stores and issued tokens are valid. May be repeated.
    #[arg(long, value_name = "ID:SECRET", value_delimiter = '\n')]
    store: Vec<String>,
    /// Start with what a file says, JSON or NDJSON: stores with customers and events. May be repeated.
    #[arg(long, value_name = "FILE", value_delimiter = '\n')]
    seed: Vec<PathBuf>,
    /// Keep the state in a file: read at the start if it is there, and then in the place of the seeds; saved on a clean stop.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Requests per second and store; 0 is off. [default: 0]
    #[arg(long, value_name = "N")]
    rate_limit: Option<u32>,
    /// How long an accepted write stays invisible to reads, for example 60s. [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    visibility_delay: Option<Duration>,
    /// What a search answers that finds nothing: 200 with an empty list, or 400 `No results found`. [default: ok]
    #[arg(long, value_name = "ANSWER", value_parser = empty_result())]
    empty_result: Option<EmptyResult>,
    /// Strict, or lenient: enumerations, ISO codes and unparseable dates pass. [default: strict]
    #[arg(long, value_name = "HOW", value_parser = validation())]
    validation: Option<Validation>,
    /// Drop deprecated fields on write, with a note.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    enforce_deprecations: Option<bool>,
    /// Take only issued tokens, even where no store is declared.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    issued_tokens_only: Option<bool>,
    /// Rate limit 5, visibility delay 60s, issued tokens only; any flag or variable beats it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    realistic: Option<bool>,
    /// The largest body of the vendor's surface, for example 64KiB; above it 413. [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    body_limit: Option<usize>,
    /// How long the head of a connection's first request, and each body, may take to arrive, in real time; above it 408.
    /// [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    read_timeout: Option<Duration>,
    /// A further name by which the control surface may be called, or `*` for any. May be repeated.
    #[arg(long, value_name = "NAME", value_delimiter = '\n')]
    control_host: Vec<String>,
    /// What everything under /_mock but health must carry as `Authorization: Bearer`.
    #[arg(long, value_name = "TOKEN")]
    control_token: Option<String>,
    /// The largest body of the control surface; above it 413. [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    control_body_limit: Option<usize>,
    /// Let pages of an origin, for example http://localhost:3000, use both surfaces from a browser. May be repeated.
    #[arg(long, value_name = "ORIGIN", value_delimiter = '\n', value_parser = origin)]
    cors: Vec<String>,
    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: tls::Tls,
    /// Let the proxy lead to a host as it is; it leads to the emulator alone otherwise. May be repeated.
    #[arg(long, value_name = "HOST", value_delimiter = '\n')]
    proxy_passthrough: Vec<String>,
    /// How many threads serve. [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// How many requests the journal keeps. [default: 1000]
    #[arg(long, value_name = "N")]
    journal_entries: Option<usize>,
    /// How much memory the journal takes; older requests are forgotten. [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    journal_bytes: Option<usize>,
    /// How much the journal keeps of each body. [default: 16KiB]
    #[arg(long, value_name = "SIZE", value_parser = size_or_nothing)]
    journal_body_bytes: Option<usize>,
    /// Write the journal to a file while it happens, a line of JSON per request.
    #[arg(long, value_name = "FILE")]
    journal_file: Option<PathBuf>,
    /// How to write the log on stderr, one line per request. [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Log warnings only.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    pub quiet: Option<bool>,
    /// Log the operation, rules and notes of each request, too.
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch)]
    pub verbose: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Serve {
    /// What the flags come to: each wins over `--realistic`, and that over the defaults.
    pub fn into_builder(self) -> Builder {
        let builder = YotpoMock::builder();
        let builder = if self.realistic.unwrap_or_default() {
            builder.realistic()
        } else {
            builder
        };
        let builder = self.rate_limit.into_iter().fold(builder, Builder::rate_limit);
        let builder = self
            .visibility_delay
            .into_iter()
            .fold(builder, Builder::visibility_delay);
        let builder = self
            .issued_tokens_only
            .into_iter()
            .fold(builder, Builder::issued_tokens_only);
        let builder = builder
            .host(self.host.unwrap_or_default())
            .port(self.port.unwrap_or(DEFAULT_PORT))
            .empty_result(self.empty_result.unwrap_or_default())
            .validation(self.validation.unwrap_or_default())
            .enforce_deprecations(self.enforce_deprecations.unwrap_or_default())
            .body_limit(self.body_limit.unwrap_or(DEFAULT_BODY_LIMIT))
            .read_timeout(self.read_timeout.unwrap_or(DEFAULT_READ_TIMEOUT))
            .workers(self.workers.unwrap_or(1).into())
            .journal_entries(self.journal_entries.unwrap_or(DEFAULT_ENTRIES))
            .journal_bytes(self.journal_bytes.unwrap_or(DEFAULT_BYTES))
            .journal_body_bytes(self.journal_body_bytes.unwrap_or(DEFAULT_BODY_BYTES));
        let builder = self.journal_file.iter().fold(builder, Builder::journal_file);
        let stores = self.stores().expect("the stores were looked at when they were read");
        let builder = stores
            .into_iter()
            .fold(builder, |builder, (id, secret)| builder.store(id, secret));
        let filled = |texts: Vec<String>| texts.into_iter().filter(|text| !text.is_empty());
        let builder = filled(self.control_host).fold(builder, Builder::control_host);
        let builder = filled(self.cors).fold(builder, Builder::cors);
        let builder = self.control_token.into_iter().fold(builder, Builder::control_token);
        let builder = self
            .control_body_limit
            .into_iter()
            .fold(builder, Builder::control_body_limit);
        let builder = match self.state.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => builder.state_file(path),
            None => builder,
        };
        let builder = filled(self.proxy_passthrough).fold(builder, Builder::proxy_passthrough);
        #[cfg(feature = "tls")]
        let builder = self.tls.into_builder(builder);
        let files = self.seed.into_iter().filter(|path| !path.as_os_str().is_empty());
        files.fold(builder, Builder::seed_file)
    }

    /// The stores that are declared, with their secrets; an empty line of the variable declares none.
    ///
    /// # Errors
    ///
    /// What is wrong with a declaration. Unlike a value parser's error it never shows the secret.
    fn stores(&self) -> Result<Vec<(&str, &str)>, String> {
        let mut stores: Vec<(&str, &str)> = Vec::new();
        for text in self.store.iter().filter(|text| !text.is_empty()) {
            let (id, secret) = text
                .split_once(':')
                .filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
                .ok_or("a store is declared as ID:SECRET, split at the first colon, neither of them empty")?;
            if stores.iter().any(|(known, other)| *known == id && *other != secret) {
                return Err(format!("store `{id}` is declared with two different secrets"));
            }
            stores.push((id, secret));
        }
        Ok(stores)
    }
}

/// Reads the command line and the environment; ends the process where they are wrong (2) or ask for help (0).
pub fn parse() -> Command {
    let mut command = CommandLine::command().mut_subcommand("serve", |serve| serve.mut_args(with_twin));
    #[cfg(feature = "tls")]
    {
        command = command
            .mut_subcommand("exec", |exec| exec.mut_args(with_twin))
            .mut_subcommand("env", |env| env.mut_arg("control_token", with_twin));
    }
    // The variables are those of `serve`, whether or not it is named: they must not stop another subcommand.
    let first = std::env::args_os().nth(1);
    let names_another = command
        .get_subcommands()
        .any(|subcommand| first.as_deref().is_some_and(|first| subcommand.get_name() == first));
    if !names_another {
        command = command.mut_args(with_twin);
    }
    let matches = command.clone().get_matches();
    let line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit());
    let parsed = line.command.unwrap_or_else(|| Command::Serve(Box::new(line.serve)));
    let serve = match &parsed {
        Command::Serve(serve) => Some(&**serve),
        Command::Wait(_) => None,
        #[cfg(feature = "tls")]
        Command::Exec(exec) => Some(&exec.serve),
        #[cfg(feature = "tls")]
        Command::Env(_) => None,
    };
    if let Some(Err(message)) = serve.map(Serve::stores) {
        command.error(ErrorKind::ValueValidation, message).exit();
    }
    parsed
}

/// Gives an argument its twin in the environment, unless that is to be ignored.
fn with_twin(arg: clap::Arg) -> clap::Arg {
    let Some(flag) = arg.get_long().map(str::to_owned) else {
        return arg;
    };
    if matches!(arg.get_action(), ArgAction::Help | ArgAction::Version) {
        return arg;
    }
    let name = twin(&flag);
    match std::env::var_os(&name) {
        Some(value) if value.is_empty() || is_injected(&name, &value) => arg,
        _ => arg.env(name).hide_env(true),
    }
}

fn twin(flag: &str) -> String {
    format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_"))
}

/// Kubernetes gives the pods beside a service called `yotpo-mock` a variable of this name.
fn is_injected(name: &str, value: &OsString) -> bool {
    name == twin("port") && value.as_encoded_bytes().starts_with(b"tcp://")
}

/// What the environment says and is not listened to.
pub fn warnings() -> impl Iterator<Item = String> {
    let port = twin("port");
    let injected = std::env::var_os(&port).is_some_and(|value| is_injected(&port, &value));
    injected
        .then(|| format!("`{port}` begins with `tcp://`, as Kubernetes sets it for a service: ignored"))
        .into_iter()
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("a switch is 1, true, 0 or false".to_owned()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = size_or_nothing(text)?;
    if bytes == 0 {
        return Err("it must be at least one byte".to_owned());
    }
    Ok(bytes)
}

fn size_or_nothing(text: &str) -> Result<usize, String> {
    let bytes: ByteSize = text.parse()?;
    usize::try_from(bytes.as_u64()).map_err(|_| "it must fit in memory".to_owned())
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("it must be longer than nothing".to_owned()),
        other => other.map_err(|error| error.to_string()),
    }
}

/// An origin as browsers send it; an empty line of the variable names none.
fn origin(text: &str) -> Result<String, String> {
    let authority = text.split_once("://").map_or("", |(_, authority)| authority);
    let is_origin =
        !authority.is_empty() && !authority.contains('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || is_origin {
        return Ok(text.to_owned());
    }
    Err("an origin is a scheme, a host and perhaps a port, without a path: http://localhost:3000".to_owned())
}

fn http_url(text: &str) -> Result<String, String> {
    match text.parse::<ureq::http::Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.host().is_some() => Ok(text.to_owned()),
        _ => Err("it must begin with http:// and name a host".to_owned()),
    }
}

fn empty_result() -> impl TypedValueParser<Value = EmptyResult> {
    PossibleValuesParser::new(["ok", "error"]).map(|word| {
        if word == "ok" {
            EmptyResult::Ok
        } else {
            EmptyResult::Error
        }
    })
}

fn validation() -> impl TypedValueParser<Value = Validation> {
    PossibleValuesParser::new(["strict", "lenient"]).map(|word| {
        if word == "strict" {
            Validation::Strict
        } else {
            Validation::Lenient
        }
    })
}
