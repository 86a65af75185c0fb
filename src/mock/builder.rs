//! An emulator that is about to start: the settings of the command line, in Rust.

use std::fs::File;
#[cfg(feature = "tls")]
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use std::{fmt, io};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::host::Host;
use super::start_error::{StartError, plainly};
use super::{Inner, YotpoMock};
use crate::domain::store::StoreState;
use crate::domain::validation::Validation;
use crate::http::control::access::Access;
use crate::http::hosts::is_yotpo;
use crate::http::proxy::Proxy;
#[cfg(feature = "tls")]
use crate::http::tls::{Tls, TlsOptions};
use crate::http::{ServerHandle, ServerState};
use crate::os::raise_descriptor_limit;
use crate::world::clock::Clock;
use crate::world::journal::{Journal, JournalLimits};
use crate::world::seed::{self, ReadOptions, Stores};
use crate::world::settings::{EmptyResult, Settings};
use crate::world::state_file::StateFile;
use crate::world::{ReadError, World};

/// The port that the binary listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 4600;

/// How long a request's head and its body may take to arrive unless told otherwise.
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How many requests the journal of an embedded emulator keeps, unless told otherwise: more than that of the binary, since the
/// stores of many tests share it.
const DEFAULT_EMBEDDED_ENTRIES: usize = 10_000;

/// How many requests are printed when a test panics, unless told otherwise.
pub const DEFAULT_JOURNAL_ON_PANIC: usize = 20;

/// What a `realistic` vendor lets through and how soon it shows what was written.
const REALISTIC_RATE_LIMIT: u32 = 5;
const REALISTIC_VISIBILITY_DELAY: Duration = Duration::from_secs(60);

/// What a seed is read from.
#[derive(Clone, Debug)]
enum Seed {
    File(PathBuf),
    Text(String),
}

/// An emulator that is about to start. Its settings are those of the command line.
#[derive(Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    host: Host,
    port: u16,
    stores: Vec<(String, String)>,
    seeds: Vec<Seed>,
    settings: Settings,
    read_timeout: Duration,
    access: Access,
    workers: usize,
    frozen_at: Option<DateTime<Utc>>,
    journal: JournalLimits,
    journal_file: Option<PathBuf>,
    state_file: Option<PathBuf>,
    journal_on_panic: usize,
    proxy_passthrough: Vec<String>,
    #[cfg(feature = "tls")]
    tls: TlsOptions,
}

/// Where it would listen, and nothing secret.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = f.debug_struct("Builder");
        builder
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
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
            journal: JournalLimits {
                entries: DEFAULT_EMBEDDED_ENTRIES,
                ..JournalLimits::default()
            },
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
    /// Where to listen: 127.0.0.1 by default, which is where [`url`](YotpoMock::url) points. [`Host::Localhost`] listens on ::1,
    /// too, for clients that are given the name.
    ///
    /// ```
    /// use yotpo_mock::{Host, YotpoMock};
    ///
    /// let yotpo = YotpoMock::builder().host(Host::Localhost).start();
    /// # let _ = yotpo;
    /// ```
    pub fn host(mut self, host: Host) -> Builder {
        self.host = host;
        self
    }

    /// The port to listen on; 0, the default, takes a free one.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().port(0).start();
    /// # let _ = yotpo;
    /// ```
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// Declares a store with its secret; then only declared stores exist, and only issued tokens are valid.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().store("shop", "s3cret").start();
    /// assert_eq!(yotpo.store("shop").secret(), "s3cret");
    /// ```
    pub fn store(mut self, id: impl Into<String>, secret: impl Into<String>) -> Builder {
        self.stores.push((id.into(), secret.into()));
        self
    }

    /// Starts with what a seed file says, read when the emulator starts.
    ///
    /// ```
    /// let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/shop.json");
    /// let yotpo = yotpo_mock::YotpoMock::builder().seed_file(seed).start();
    /// assert_eq!(yotpo.store("shop").customers().len(), 1200);
    /// ```
    pub fn seed_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.seeds.push(Seed::File(path.as_ref().to_owned()));
        self
    }

    /// Starts with what a seed document says, JSON or NDJSON.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().seed(r#"{"store":"shop","customer":{"external_id":"c-1"}}"#).start();
    /// assert_eq!(yotpo.store("shop").customers().len(), 1);
    /// ```
    pub fn seed(mut self, document: impl Into<String>) -> Builder {
        self.seeds.push(Seed::Text(document.into()));
        self
    }

    /// Requests per second and store; 0, the default, is off. Calls for a token count, too.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().rate_limit(5).start();
    /// assert_eq!(yotpo.settings().rate_limit, 5);
    /// ```
    pub fn rate_limit(mut self, requests: u32) -> Builder {
        self.settings.rate_limit = requests;
        self
    }

    /// How long an accepted write stays invisible to reads; not at all by default.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().visibility_delay(std::time::Duration::from_secs(60)).start();
    /// assert_eq!(yotpo.settings().visibility_delay.as_secs(), 60);
    /// ```
    pub fn visibility_delay(mut self, delay: Duration) -> Builder {
        self.settings.visibility_delay = delay;
        self
    }

    /// What a search answers that finds nothing.
    ///
    /// ```
    /// use yotpo_mock::EmptyResult;
    ///
    /// let yotpo = yotpo_mock::YotpoMock::builder().empty_result(EmptyResult::Error).start();
    /// assert_eq!(yotpo.settings().empty_result, EmptyResult::Error);
    /// ```
    pub fn empty_result(mut self, answer: EmptyResult) -> Builder {
        self.settings.empty_result = answer;
        self
    }

    /// How strictly fields are validated.
    ///
    /// ```
    /// use yotpo_mock::Validation;
    ///
    /// let yotpo = yotpo_mock::YotpoMock::builder().validation(Validation::Lenient).start();
    /// assert_eq!(yotpo.settings().validation, Validation::Lenient);
    /// ```
    pub fn validation(mut self, validation: Validation) -> Builder {
        self.settings.validation = validation;
        self
    }

    /// Whether deprecated fields are dropped on write.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().enforce_deprecations(true).start();
    /// assert!(yotpo.settings().enforce_deprecations);
    /// ```
    pub fn enforce_deprecations(mut self, enforce: bool) -> Builder {
        self.settings.enforce_deprecations = enforce;
        self
    }

    /// Whether only issued tokens are valid even where no store is declared.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().issued_tokens_only(true).start();
    /// assert!(yotpo.settings().issued_tokens_only);
    /// ```
    pub fn issued_tokens_only(mut self, only: bool) -> Builder {
        self.settings.issued_tokens_only = only;
        self
    }

    /// The largest body of the vendor's surface, in bytes; above it 413.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().body_limit(64 * 1024).start();
    /// assert_eq!(yotpo.settings().body_limit, 65_536);
    /// ```
    pub fn body_limit(mut self, bytes: usize) -> Builder {
        self.settings.body_limit = bytes;
        self
    }

    /// How long a request's head, and then its body, may take to arrive, in real time; above it 408. A TLS handshake may take as
    /// long.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().read_timeout(std::time::Duration::from_secs(1)).start();
    /// # let _ = yotpo;
    /// ```
    pub fn read_timeout(mut self, timeout: Duration) -> Builder {
        self.read_timeout = timeout;
        self
    }

    /// A further name by which the control surface may be called, beside loopback and the address that is listened on; `*`
    /// for any.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().control_host("mock.test").start();
    /// # let _ = yotpo;
    /// ```
    pub fn control_host(mut self, name: impl Into<String>) -> Builder {
        self.access.hosts.push(name.into());
        self
    }

    /// Lets pages of an origin, such as `http://localhost:3000`, use both surfaces from a browser.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().cors("http://localhost:3000").start();
    /// # let _ = yotpo;
    /// ```
    pub fn cors(mut self, origin: impl Into<String>) -> Builder {
        self.access.origins.push(origin.into());
        self
    }

    /// What everything under `/_mock` but `health` must carry as `Authorization: Bearer`.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().control_token("s3cret").start();
    /// # let _ = yotpo;
    /// ```
    pub fn control_token(mut self, token: impl Into<String>) -> Builder {
        self.access.token = Some(token.into());
        self
    }

    /// The largest body of the control surface, in bytes; above it 413.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().control_body_limit(1024 * 1024).start();
    /// # let _ = yotpo;
    /// ```
    pub fn control_body_limit(mut self, bytes: usize) -> Builder {
        self.access.body_limit = bytes;
        self
    }

    /// How many threads serve; 1 by default.
    ///
    /// # Panics
    ///
    /// If it is 0.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().workers(2).start();
    /// # let _ = yotpo;
    /// ```
    pub fn workers(mut self, threads: usize) -> Builder {
        assert!(threads > 0, "an emulator is served by at least one thread");
        self.workers = threads;
        self
    }

    /// Lets time stand still at a moment until it is [advanced](YotpoMock::advance).
    ///
    /// ```
    /// let new_year = "2026-01-01T00:00:00Z".parse().unwrap();
    /// let yotpo = yotpo_mock::YotpoMock::builder().frozen_at(new_year).start();
    /// assert_eq!(yotpo.now(), new_year);
    /// ```
    pub fn frozen_at(mut self, moment: DateTime<Utc>) -> Builder {
        self.frozen_at = Some(moment);
        self
    }

    /// How many requests the journal keeps; older ones are forgotten. 10,000 by default, of all stores together.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().journal_entries(10_000).start();
    /// # let _ = yotpo;
    /// ```
    pub fn journal_entries(mut self, entries: usize) -> Builder {
        self.journal.entries = entries;
        self
    }

    /// How much memory the journal takes, in bytes; older requests are forgotten. The latest is kept however large it is.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().journal_bytes(8 * 1024 * 1024).start();
    /// # let _ = yotpo;
    /// ```
    pub fn journal_bytes(mut self, bytes: usize) -> Builder {
        self.journal.bytes = bytes;
        self
    }

    /// How much the journal keeps of each body, in bytes.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().journal_body_bytes(1024).start();
    /// # let _ = yotpo;
    /// ```
    pub fn journal_body_bytes(mut self, bytes: usize) -> Builder {
        self.journal.body_bytes = bytes;
        self
    }

    /// Writes the journal to a file while it happens, a line of JSON per request, in the place of what stood there. The file is
    /// complete when the emulator is dropped.
    ///
    /// ```
    /// let file = std::env::temp_dir().join(format!("requests-{}.ndjson", std::process::id()));
    /// let yotpo = yotpo_mock::YotpoMock::builder().journal_file(&file).start();
    /// drop(yotpo);
    /// assert_eq!(std::fs::read_to_string(&file)?, "");
    /// # std::fs::remove_file(file)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn journal_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.journal_file = Some(path.as_ref().to_owned());
        self
    }

    /// Keeps the state in a file: read at the start if it is there, the time included, and then in the place of the seeds; saved
    /// when the emulator stops or is dropped, whole or not at all. A reset still goes back to the seeds.
    ///
    /// ```
    /// let file = std::env::temp_dir().join(format!("state-{}.json", std::process::id()));
    /// let yotpo = yotpo_mock::YotpoMock::builder().state_file(&file).start();
    /// yotpo.store("shop").generate(10, 0, 1);
    /// drop(yotpo);
    /// let yotpo = yotpo_mock::YotpoMock::builder().state_file(&file).start();
    /// assert_eq!(yotpo.store("shop").customers().len(), 10);
    /// # drop(yotpo);
    /// # std::fs::remove_file(file)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn state_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.state_file = Some(path.as_ref().to_owned());
        self
    }

    /// What a client must survive: 5 requests a second, writes that take 60 seconds to show, issued tokens only.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().realistic().start();
    /// assert_eq!(yotpo.settings().rate_limit, 5);
    /// ```
    pub fn realistic(self) -> Builder {
        self.rate_limit(REALISTIC_RATE_LIMIT)
            .visibility_delay(REALISTIC_VISIBILITY_DELAY)
            .issued_tokens_only(true)
    }

    /// How many of its latest requests are printed to stderr when a test panics while it holds the emulator or one of its
    /// stores; 0 switches it off.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().journal_on_panic(0).start();
    /// # let _ = yotpo;
    /// ```
    pub fn journal_on_panic(mut self, requests: usize) -> Builder {
        self.journal_on_panic = requests;
        self
    }

    /// Lets the proxy lead to a host as it is, by CONNECT; it leads to no other but those that the emulator stands for.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().proxy_passthrough("registry.example.com").start();
    /// # let _ = yotpo;
    /// ```
    pub fn proxy_passthrough(mut self, host: impl Into<String>) -> Builder {
        self.proxy_passthrough.push(host.into());
        self
    }

    /// Makes the certificates at the start. Without this they are made at the first need, which takes a client less than a
    /// millisecond.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().tls().start();
    /// assert!(yotpo.https_url().starts_with("https://127.0.0.1:"));
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self) -> Builder {
        self.tls.at_start = true;
        self
    }

    /// A further name, or address, that the certificate is for and the proxy knows as the emulator's.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().tls_name("mock.test").start();
    /// # let _ = yotpo;
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls_name(mut self, name: impl Into<String>) -> Builder {
        self.tls.names.push(name.into());
        self
    }

    /// Keeps the authority that issues the certificates in a folder, for the next emulator: its certificate in `ca.pem`, its key in
    /// `ca-key.pem`, which its owner alone can read. It lives for a year; an expired one is replaced.
    ///
    /// ```
    /// let folder = std::env::temp_dir().join(format!("authority-{}", std::process::id()));
    /// let first = yotpo_mock::YotpoMock::builder().ca_dir(&folder).start();
    /// let second = yotpo_mock::YotpoMock::builder().ca_dir(&folder).start();
    /// assert_eq!(first.ca_pem(), second.ca_pem());
    /// # std::fs::remove_dir_all(folder)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn ca_dir(mut self, folder: impl AsRef<Path>) -> Builder {
        self.tls.ca_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// Writes the certificate that clients must trust to a file at the start, in PEM.
    ///
    /// ```
    /// let file = std::env::temp_dir().join(format!("ca-{}.pem", std::process::id()));
    /// let yotpo = yotpo_mock::YotpoMock::builder().ca_file(&file).start();
    /// assert_eq!(std::fs::read_to_string(&file)?, yotpo.ca_pem());
    /// # std::fs::remove_file(file)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.tls.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// Shows a certificate of your own, a PEM file with those that lead to its authority, and not one of the emulator's making;
    /// beside it a PEM file with its key.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().tls_cert("cert.pem", "key.pem");
    /// let error = yotpo.try_start().unwrap_err();
    /// assert!(error.to_string().starts_with("cannot use `cert.pem` for TLS: "));
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls_cert(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Builder {
        self.tls.certificate = Some((certificate.as_ref().to_owned(), key.as_ref().to_owned()));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// Where [`try_start`](Builder::try_start) gives an error.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().start();
    /// # let _ = yotpo;
    /// ```
    #[track_caller]
    pub fn start(self) -> YotpoMock {
        // Not by a closure, which would be named as the place of the panic.
        match self.try_start() {
            Ok(yotpo) => yotpo,
            Err(error) => panic!("{error}; {}", error.hint()),
        }
    }

    /// Starts it: when this returns, the seeds are in and the socket takes connections.
    ///
    /// It takes 5 descriptors, and one for each connection. The first emulator of a process raises its soft limit to the hard one,
    /// 10,240 at most: where that allows 1,300, two hundred can run at once.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, a seed is missing or broken, a state file is broken, stores contradict each other,
    /// the journal's file cannot be written, a certificate or its authority is of no use, or the proxy is to lead where it cannot.
    ///
    /// ```
    /// let error = yotpo_mock::YotpoMock::builder().seed_file("nowhere.json").try_start().unwrap_err();
    /// assert_eq!(error.to_string(), "cannot seed from `nowhere.json`: no such file");
    /// ```
    pub fn try_start(self) -> Result<YotpoMock, StartError> {
        raise_descriptor_limit();
        let clock = self.frozen_at.map(Clock::frozen_at).unwrap_or_default();
        let stores = self.stores_at_start(clock.now())?;
        let bound = match self.host {
            Host::Address(address) if !address.is_loopback() => Some(address),
            _ => None,
        };
        #[cfg(feature = "tls")]
        let (tls, names) = self.tls_at_start(bound)?;
        #[cfg(not(feature = "tls"))]
        let names = Vec::new();
        for host in &self.proxy_passthrough {
            if host.is_empty() || host.contains(['/', '@', ' ']) || is_yotpo(host) {
                return Err(StartError::Passthrough { host: host.clone() });
            }
        }
        let sockets = self.host.bind(self.port)?;
        let address = sockets[0]
            .local_addr()
            .map_err(|source| StartError::Thread { source })?;
        let count = |of: fn(&StoreState) -> usize| stores.values().map(of).sum::<usize>();
        let seeded = (
            stores.len(),
            count(|store| store.counts().0),
            count(|store| store.counts().1),
        );
        let mut world = World::new(self.settings, clock, stores);
        let file = self.journal_file.map(|path| match File::create(&path) {
            Ok(file) => Ok(file),
            Err(source) => Err(StartError::JournalFile { path, source }),
        });
        world.journal =
            Journal::new(self.journal, file.transpose()?).map_err(|source| StartError::Thread { source })?;
        if let Some(path) = &self.state_file {
            let kept = world.keep_in(StateFile::new(path.clone()));
            kept.map_err(|error| StartError::State {
                path: path.clone(),
                reason: match error {
                    ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => "no such folder".to_owned(),
                    ReadError::Io(error) => plainly(&error),
                    ReadError::NoState(reason) => reason,
                },
            })?;
        }
        let world = Arc::new(world);
        tracing::info!(
            stores = seeded.0,
            customers = seeded.1,
            events = seeded.2,
            settings = %self.settings.to_json(),
            "seeded"
        );
        let access = Access { bound, ..self.access };
        let proxy = Proxy {
            port: address.port(),
            bound,
            names,
            passthrough: self.proxy_passthrough,
        };
        let server_state = ServerState::new(
            world.clone(),
            access,
            proxy,
            #[cfg(feature = "tls")]
            tls.clone(),
            self.read_timeout,
        );
        let server = ServerHandle::start(&server_state, sockets, self.workers)
            .map_err(|source| StartError::Thread { source })?;
        let inner = Inner {
            world,
            url: format!("http://{address}"),
            #[cfg(feature = "tls")]
            https_url: format!("https://{address}"),
            #[cfg(feature = "tls")]
            tls,
            journal_on_panic: self.journal_on_panic,
            printed: Mutex::default(),
            named: AtomicU64::new(0),
        };
        Ok(YotpoMock {
            inner: Arc::new(inner),
            server,
            is_saved: false,
        })
    }

    /// TLS as it is wanted, and the further names that it is for.
    #[cfg(feature = "tls")]
    fn tls_at_start(&self, bound: Option<IpAddr>) -> Result<(Arc<Tls>, Vec<String>), StartError> {
        let options = TlsOptions {
            bound,
            ..self.tls.clone()
        };
        match Tls::new(&options) {
            Ok(tls) => Ok((Arc::new(tls), options.names)),
            Err(error) => Err(StartError::Tls {
                reason: error.to_string(),
                hint: error.hint(),
            }),
        }
    }

    /// The stores as flags and seeds declare them.
    fn stores_at_start(&self, now: DateTime<Utc>) -> Result<Stores, StartError> {
        let mut stores = Stores::new();
        for (id, secret) in &self.stores {
            let store = stores.entry(id.clone()).or_default();
            seed::declare(store, id, secret.clone()).map_err(|reason| StartError::Store { reason })?;
        }
        let ground = ReadOptions {
            validation: self.settings.validation,
            now,
        };
        for seed in &self.seeds {
            let (name, text) = match seed {
                Seed::Text(text) => ("a document", Ok(text.clone())),
                Seed::File(path) => (&*path.to_string_lossy(), std::fs::read_to_string(path)),
            };
            text.map_err(|error| plainly(&error))
                .and_then(|text| seed::load(&text, |_| ground, &mut stores))
                .map_err(|reason| StartError::Seed {
                    name: name.to_owned(),
                    reason,
                })?;
        }
        let has_secret = |id: &String| stores[id].credentials.secret.is_some();
        if stores.keys().any(has_secret) {
            for id in stores.keys().filter(|id| !has_secret(id)) {
                tracing::warn!("store `{id}` is seeded without a secret while others have one: nobody can reach it");
            }
        }
        Ok(stores)
    }
}
