//! The configuration of an emulator before it starts. Each method has a flag of the same name on the command line.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::host::Host;
use crate::domain::validation::Validation;
use crate::http::control::access::Access;
#[cfg(feature = "tls")]
use crate::http::tls::TlsOptions;
use crate::world::journal::JournalLimits;
use crate::world::settings::{EmptyResult, Settings};

/// The default port of the binary.
pub const DEFAULT_PORT: u16 = 4600;

/// The default of [`Builder::read_timeout`].
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The default of [`Builder::journal_on_panic`].
pub const DEFAULT_JOURNAL_ON_PANIC: usize = 20;

/// More than the binary's default, since the stores of many tests share one journal.
const DEFAULT_EMBEDDED_ENTRIES: usize = 10_000;

/// Source: contract, "Rate limit" (documented).
const REALISTIC_RATE_LIMIT: u32 = 5;

/// Source: contract, "Create or update a customer" (documented).
const REALISTIC_VISIBILITY_DELAY: Duration = Duration::from_secs(60);

/// Configures and starts an emulator.
///
/// ```
/// use std::time::Duration;
/// use yotpo_mock::YotpoMock;
///
/// let yotpo = YotpoMock::builder()
///     .store("shop", "s3cret")
///     .seed(r#"{"store":"shop","customer":{"external_id":"c-1"}}"#)
///     .visibility_delay(Duration::from_secs(60))
///     .frozen_at("2026-01-01T00:00:00Z".parse().unwrap())
///     .start();
/// assert_eq!(yotpo.store("shop").customers().len(), 1);
/// ```
#[derive(Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) stores: Vec<(String, String)>,
    pub(super) seeds: Vec<SeedSource>,
    pub(super) settings: Settings,
    pub(super) read_timeout: Duration,
    pub(super) access: Access,
    pub(super) workers: usize,
    pub(super) frozen_at: Option<DateTime<Utc>>,
    pub(super) journal: JournalLimits,
    pub(super) journal_file: Option<PathBuf>,
    pub(super) state_file: Option<PathBuf>,
    pub(super) journal_on_panic: usize,
    pub(super) proxy_passthrough: Vec<String>,
    #[cfg(feature = "tls")]
    pub(super) tls: TlsOptions,
}

/// Where a seed document comes from.
#[derive(Clone, Debug)]
pub(super) enum SeedSource {
    /// A file, or a folder of files.
    Path(PathBuf),
    Text(String),
}

/// Shows the address, and no secrets.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            host: Host::Address(Ipv4Addr::LOCALHOST.into()),
            port: 0,
            stores: Vec::new(),
            seeds: Vec::new(),
            settings: Settings::default(),
            read_timeout: DEFAULT_READ_TIMEOUT,
            access: Access::default(),
            workers: 1,
            frozen_at: None,
            journal: JournalLimits { entries: DEFAULT_EMBEDDED_ENTRIES, ..JournalLimits::default() },
            journal_file: None,
            state_file: None,
            journal_on_panic: DEFAULT_JOURNAL_ON_PANIC,
            proxy_passthrough: Vec::new(),
            #[cfg(feature = "tls")]
            tls: TlsOptions::default(),
        }
    }
}

impl Builder {
    /// The address to listen on; by default 127.0.0.1. [`Host::Localhost`] adds ::1.
    pub fn host(mut self, host: Host) -> Builder {
        self.host = host;
        self
    }

    /// The port to listen on; 0, the default, selects a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// Declares a store with its secret. With any store declared, all others are unknown and only issued tokens are valid.
    pub fn store(mut self, id: impl Into<String>, secret: impl Into<String>) -> Builder {
        self.stores.push((id.into(), secret.into()));
        self
    }

    /// Adds a seed file, JSON or NDJSON, which is read when the emulator starts. Of a folder, all `*.json` and `*.ndjson` files are
    /// read, in the order of their names.
    pub fn seed_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.seeds.push(SeedSource::Path(path.as_ref().to_owned()));
        self
    }

    /// Adds a seed document, JSON or NDJSON.
    pub fn seed(mut self, document: impl Into<String>) -> Builder {
        self.seeds.push(SeedSource::Text(document.into()));
        self
    }

    /// The requests per second that each store allows, token requests included; 0, the default, turns the limit off.
    pub fn rate_limit(mut self, requests: u32) -> Builder {
        self.settings.rate_limit = requests;
        self
    }

    /// How long an accepted write stays invisible to reads; by default not at all.
    pub fn visibility_delay(mut self, delay: Duration) -> Builder {
        self.settings.visibility_delay = delay;
        self
    }

    /// The response to a search that finds no customer.
    pub fn empty_result(mut self, response: EmptyResult) -> Builder {
        self.settings.empty_result = response;
        self
    }

    /// How strictly fields are validated.
    pub fn validation(mut self, validation: Validation) -> Builder {
        self.settings.validation = validation;
        self
    }

    /// Whether writes drop deprecated fields.
    pub fn enforce_deprecations(mut self, enforce: bool) -> Builder {
        self.settings.enforce_deprecations = enforce;
        self
    }

    /// Whether only issued tokens are valid, even without a declared store.
    pub fn issued_tokens_only(mut self, only: bool) -> Builder {
        self.settings.issued_tokens_only = only;
        self
    }

    /// The largest request body of the emulated API in bytes; a larger one gets 413.
    pub fn body_limit(mut self, bytes: usize) -> Builder {
        self.settings.body_limit = bytes;
        self
    }

    /// How long a request's head, its body, and a TLS handshake may each take, in real time; a slower request gets 408.
    pub fn read_timeout(mut self, timeout: Duration) -> Builder {
        self.read_timeout = timeout;
        self
    }

    /// Allows another host name for both APIs, besides IP addresses, names without a dot and names under `.internal`, `.local`,
    /// `.localhost` and `.test`; `*` allows any.
    pub fn control_host(mut self, name: impl Into<String>) -> Builder {
        self.access.hosts.push(name.into());
        self
    }

    /// Allows browser pages of an origin, such as `http://localhost:3000`, to use the emulated API and the control API.
    pub fn cors(mut self, origin: impl Into<String>) -> Builder {
        self.access.origins.push(origin.into());
        self
    }

    /// The bearer token that the control API requires, except for `GET /_mock/health`.
    pub fn control_token(mut self, token: impl Into<String>) -> Builder {
        self.access.token = Some(token.into());
        self
    }

    /// The largest request body of the control API in bytes; a larger one gets 413.
    pub fn control_body_limit(mut self, bytes: usize) -> Builder {
        self.access.body_limit = bytes;
        self
    }

    /// The number of server threads; by default 1.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn workers(mut self, threads: usize) -> Builder {
        assert!(threads > 0, "an emulator is served by at least one thread");
        self.workers = threads;
        self
    }

    /// Freezes the clock at a time, until [`advance`](crate::YotpoMock::advance) or [`unfreeze`](crate::YotpoMock::unfreeze).
    pub fn frozen_at(mut self, time: DateTime<Utc>) -> Builder {
        self.frozen_at = Some(time);
        self
    }

    /// How many requests of each store the journal holds; by default 10,000. The oldest go first. Requests that name no store
    /// count together, as another store.
    pub fn journal_entries(mut self, entries: usize) -> Builder {
        self.journal.entries = entries;
        self
    }

    /// How much memory the journal may use for all stores, in bytes. The oldest requests of the store that needs the most go
    /// first; the latest request stays, whatever its size.
    pub fn journal_bytes(mut self, bytes: usize) -> Builder {
        self.journal.bytes = bytes;
        self
    }

    /// How much of each body the journal holds, in bytes.
    pub fn journal_body_bytes(mut self, bytes: usize) -> Builder {
        self.journal.body_bytes = bytes;
        self
    }

    /// Writes each request to a file as a line of JSON, replacing the file. It is complete once the emulator is dropped.
    pub fn journal_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.journal_file = Some(path.as_ref().to_owned());
        self
    }

    /// Reads the state, with the time, from a file at the start, and saves it there when the emulator stops or is dropped.
    ///
    /// If the file exists, its state replaces the seeds; a reset still returns to the seeds. A save replaces the
    /// file atomically, except for one that is mounted into a container by itself, which is written in place.
    pub fn state_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.state_file = Some(path.as_ref().to_owned());
        self
    }

    /// Sets the limits of production: 5 requests per second, writes that stay invisible for 60 seconds, issued tokens only.
    pub fn realistic(self) -> Builder {
        self.rate_limit(REALISTIC_RATE_LIMIT).visibility_delay(REALISTIC_VISIBILITY_DELAY).issued_tokens_only(true)
    }

    /// How many of the latest requests are printed to stderr when a test panics while it holds the emulator or a store; 0 prints
    /// none.
    pub fn journal_on_panic(mut self, requests: usize) -> Builder {
        self.journal_on_panic = requests;
        self
    }

    /// Allows the proxy to tunnel to another host with CONNECT, `HOST` on port 443 or `HOST:PORT`; it blocks all others.
    pub fn proxy_passthrough(mut self, host: impl Into<String>) -> Builder {
        self.proxy_passthrough.push(host.into());
        self
    }

    /// Creates the certificates at the start instead of at the first TLS connection.
    #[cfg(feature = "tls")]
    pub fn tls(mut self) -> Builder {
        self.tls.at_start = true;
        self
    }

    /// Adds a name or an address to the certificate; the proxy routes it to the emulator too.
    #[cfg(feature = "tls")]
    pub fn tls_name(mut self, name: impl Into<String>) -> Builder {
        self.tls.names.push(name.into());
        self
    }

    /// Keeps the certificate authority in a directory, for later emulators: its certificate in `ca.pem`, its key in `ca-key.pem` with
    /// access for the owner only. It is valid for a year; an expired one is replaced.
    #[cfg(feature = "tls")]
    pub fn ca_dir(mut self, directory: impl AsRef<Path>) -> Builder {
        self.tls.ca_dir = Some(directory.as_ref().to_owned());
        self
    }

    /// Writes the certificate that clients must trust to a file at the start, in PEM.
    #[cfg(feature = "tls")]
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.tls.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// Uses your own certificate: a PEM file with its chain, and a PEM file with its key.
    #[cfg(feature = "tls")]
    pub fn tls_cert(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Builder {
        self.tls.certificate = Some((certificate.as_ref().to_owned(), key.as_ref().to_owned()));
        self
    }
}
