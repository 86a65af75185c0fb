//! One running mock: a world, its sockets and the thread that serves them.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use actix_web::dev::ServerHandle;
use chrono::{DateTime, Utc};
use socket2::SockRef;

use crate::domain::customer::Identifiers;
use crate::domain::event::Event;
use crate::domain::store::StoreState;
use crate::domain::validation::Validation;
use crate::http::{self, control::access::Access};
use crate::world::clock::{Clock, LAST_YEAR};
use crate::world::journal::{Entry, Journal, Limits};
use crate::world::seed::{self, Ground, Stores};
use crate::world::settings::{EmptyResult, Settings};
use crate::world::state_file::StateFile;
use crate::world::{ReadError, ResetTo, World};

/// The port that the binary listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 4600;

/// How long a request's head and its body may take to arrive unless told otherwise.
pub const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How many clients may wait to be let in; the standard library asks for 128, and every further one then waits a second or
/// more. The system may allow fewer.
const BACKLOG: i32 = 2048;

/// How often a free port is looked for that is free on both loopback addresses.
const PORT_TRIES: usize = 16;

/// How often a stopping mock looks whether the last request is answered.
const DRAIN_POLL: Duration = Duration::from_millis(2);

/// How long the tail of an answer that was waited for may take: nobody tells when actix has written its last 32 KiB to a
/// client that reads slowly.
const LAST_BYTES: Duration = Duration::from_millis(50);

/// An emulator that runs in this process, on a thread of its own. It stops when it is dropped.
///
/// ```
/// let yotpo = yotpo_mock::YotpoMock::start();
/// let customers = format!("{}/core/v3/stores/shop/customers", yotpo.url());
/// # assert!(customers.starts_with("http://127.0.0.1:"));
/// // …point your integration at it, then look at what it did:
/// assert_eq!(yotpo.requests().len(), 0);
/// ```
#[derive(Debug)]
pub struct YotpoMock {
    address: SocketAddr,
    world: Arc<World>,
    server: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
    /// Whether it was stopped, and the state saved or told that it cannot be.
    is_saved: bool,
}

impl YotpoMock {
    /// Starts an emulator on a free port of the loopback interface, with no store declared and every setting at its
    /// default.
    ///
    /// # Panics
    ///
    /// If there is no free port, or no thread to be had.
    pub fn start() -> YotpoMock {
        YotpoMock::builder().start()
    }

    /// Prepares an emulator that is not the default one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens: `http://127.0.0.1:` and a port.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The latest requests to the vendor's surface, in the order in which they were answered, as far back as the
    /// journal goes.
    pub fn requests(&self) -> Vec<Entry> {
        let entries = self.world.journal.entries();
        entries.iter().map(|entry| Entry::clone(entry)).collect()
    }

    /// The custom events of a store in the order in which they came, each with what names its customer now.
    pub fn events(&self, store: &str) -> Vec<(Event, Identifiers)> {
        self.world.events(store)
    }

    /// Moves the emulator's time forward: tokens expire, rate limit windows close, delayed writes appear.
    ///
    /// # Panics
    ///
    /// If that leads beyond the year 9000.
    pub fn advance(&self, by: Duration) {
        let advanced = self.world.clock.advance(None, by);
        assert!(advanced.is_ok(), "a clock is not advanced beyond the year {LAST_YEAR}");
    }

    /// Goes back to how it started: the seeds, the settings, and nothing else. The journal and the time stay.
    pub fn reset(&self) {
        self.world.reset(None, ResetTo::Seed);
    }

    /// Saves the state in its [file](Builder::state_file), whole or not at all; does nothing where there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then it is as it was.
    pub fn save_state(&self) -> io::Result<()> {
        self.world.save().transpose().map(|_| ())
    }

    /// Stops as soon as the requests that are under way are answered and the answers are written; cuts them after `grace`. Then
    /// the state is saved, if there is a file for it.
    ///
    /// A request that comes after this gets no answer: clients that ask without a pause would otherwise never let it end.
    ///
    /// # Errors
    ///
    /// If the state cannot be saved; it has stopped all the same.
    pub fn stop(mut self, grace: Duration) -> io::Result<()> {
        // Pausing only asks the server not to accept; what it gives back need not be waited for.
        drop(self.server.pause());
        self.world.journal.end();
        let started = Instant::now();
        // The last answer may be on its way from the journal to its socket.
        let mut rest = DRAIN_POLL;
        while self.world.journal.under_way() > 0 && started.elapsed() < grace {
            thread::sleep(DRAIN_POLL);
            rest = LAST_BYTES;
        }
        thread::sleep(rest);
        self.end();
        let saved = self.save_state();
        self.is_saved = true;
        saved
    }

    /// Ends the server, and waits until it has.
    fn end(&mut self) {
        // The future only tells when it is done, and joining the thread tells the same.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            // A server that failed has been told by its thread's panic; a drop must not add another.
            let _ = thread.join();
        }
        self.world.journal.finish();
    }
}

impl Drop for YotpoMock {
    fn drop(&mut self) {
        self.end();
        if !self.is_saved
            && let Err(error) = self.save_state()
        {
            tracing::error!("the state cannot be saved: {}", plainly(&error));
        }
    }
}

/// Where to listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// 127.0.0.1, and ::1 on the same port where there is one.
    #[default]
    Localhost,
    /// One address.
    Address(IpAddr),
}

impl Host {
    /// Whether only this machine can connect.
    pub fn is_loopback(self) -> bool {
        match self {
            Host::Localhost => true,
            Host::Address(address) => address.is_loopback(),
        }
    }

    /// Binds the sockets; the first is the one that is told.
    fn bind(self, port: u16) -> Result<Vec<TcpListener>, StartError> {
        let bind = |address: IpAddr, port: u16| {
            let address = SocketAddr::new(address, port);
            TcpListener::bind(address)
                .and_then(|socket| SockRef::from(&socket).listen(BACKLOG).map(|()| socket))
                .map_err(|source| StartError::Listen { address, source })
        };
        let Host::Localhost = self else {
            let Host::Address(address) = self else {
                unreachable!("there are two kinds of host")
            };
            return Ok(vec![bind(address, port)?]);
        };
        let mut tries = PORT_TRIES;
        loop {
            tries -= 1;
            let first = bind(Ipv4Addr::LOCALHOST.into(), port)?;
            let taken = first.local_addr().map_or(port, |address| address.port());
            match bind(Ipv6Addr::LOCALHOST.into(), taken) {
                Ok(second) => return Ok(vec![first, second]),
                Err(StartError::Listen { source, .. }) if source.kind() != io::ErrorKind::AddrInUse => {
                    return Ok(vec![first]);
                }
                Err(_) if port == 0 && tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl FromStr for Host {
    type Err = String;

    /// Reads an IP address, or `localhost`, without asking a resolver.
    fn from_str(text: &str) -> Result<Host, String> {
        match text {
            "localhost" => Ok(Host::Localhost),
            _ => text
                .parse()
                .map(Host::Address)
                .map_err(|_| "neither an IP address nor `localhost`".to_owned()),
        }
    }
}

/// Why an emulator did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    Listen { address: SocketAddr, source: io::Error },
    /// A seed cannot be read, or says something impossible.
    Seed { name: String, reason: String },
    /// The state file cannot be read, or is no state.
    State { path: PathBuf, reason: String },
    /// A store is declared in a way that contradicts itself or a seed.
    Store { reason: String },
    /// The journal's file cannot be written.
    JournalFile { path: PathBuf, source: io::Error },
    /// There is no thread for the server, or for the journal's file.
    Thread { source: io::Error },
}

impl StartError {
    /// What to do about it, in one line.
    pub fn hint(&self) -> &'static str {
        match self {
            StartError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "`--port 0` takes any free port and prints it"
            }
            StartError::Listen { .. } => "`--host localhost` listens on the loopback interface",
            StartError::Seed { .. } => {
                "a seed is JSON or NDJSON: {\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}"
            }
            StartError::State { .. } => "name another file, or move this one away to start with the seeds",
            StartError::Store { .. } => "give each store one secret, by `--store ID:SECRET` or by one seed",
            StartError::JournalFile { .. } => "`--journal-file` names a file in a folder that is there and takes files",
            StartError::Thread { .. } => "look at the limits of this process",
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Listen { address, source } => write!(f, "cannot listen on `{address}`: {}", plainly(source)),
            StartError::Seed { name, reason } => write!(f, "cannot seed from `{name}`: {reason}"),
            StartError::State { path, reason } => write!(f, "cannot read the state in `{}`: {reason}", path.display()),
            StartError::Store { reason } => write!(f, "cannot declare the stores: {reason}"),
            StartError::JournalFile { path, source } => {
                let path = path.display();
                let reason = match source.kind() {
                    io::ErrorKind::NotFound => "no such folder".to_owned(),
                    _ => plainly(source),
                };
                write!(f, "cannot write the journal to `{path}`: {reason}")
            }
            StartError::Thread { source } => write!(f, "cannot start a thread: {}", plainly(source)),
        }
    }
}

/// The common errors of sockets and files in lower case and without a number, the others as the system tells them.
fn plainly(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

impl std::error::Error for StartError {}

/// What a seed is read from.
#[derive(Clone, Debug)]
enum Seed {
    File(PathBuf),
    Text(String),
}

/// An emulator that is about to start. Its settings are those of the command line.
#[derive(Clone, Debug)]
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
    journal: Limits,
    journal_file: Option<PathBuf>,
    state_file: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            host: Host::default(),
            port: 0,
            stores: Vec::new(),
            seeds: Vec::new(),
            settings: Settings::default(),
            read_timeout: DEFAULT_READ_TIMEOUT,
            access: Access::default(),
            workers: 1,
            frozen_at: None,
            journal: Limits::default(),
            journal_file: None,
            state_file: None,
        }
    }
}

impl Builder {
    /// Where to listen; [`Host::Localhost`] by default.
    pub fn host(mut self, host: Host) -> Builder {
        self.host = host;
        self
    }

    /// The port to listen on; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// Declares a store with its secret; then only declared stores exist, and only issued tokens are valid.
    pub fn store(mut self, id: impl Into<String>, secret: impl Into<String>) -> Builder {
        self.stores.push((id.into(), secret.into()));
        self
    }

    /// Starts with what a seed file says, read when the emulator starts.
    pub fn seed_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.seeds.push(Seed::File(path.as_ref().to_owned()));
        self
    }

    /// Starts with what a seed document says, JSON or NDJSON.
    pub fn seed(mut self, document: impl Into<String>) -> Builder {
        self.seeds.push(Seed::Text(document.into()));
        self
    }

    /// Requests per second and store; 0, the default, is off.
    pub fn rate_limit(mut self, requests: u32) -> Builder {
        self.settings.rate_limit = requests;
        self
    }

    /// How long an accepted write stays invisible to reads; not at all by default.
    pub fn visibility_delay(mut self, delay: Duration) -> Builder {
        self.settings.visibility_delay = delay;
        self
    }

    /// What a search answers that finds nothing.
    pub fn empty_result(mut self, answer: EmptyResult) -> Builder {
        self.settings.empty_result = answer;
        self
    }

    /// How strictly fields are validated.
    pub fn validation(mut self, validation: Validation) -> Builder {
        self.settings.terms.validation = validation;
        self
    }

    /// Whether deprecated fields are dropped on write.
    pub fn enforce_deprecations(mut self, enforce: bool) -> Builder {
        self.settings.terms.enforce_deprecations = enforce;
        self
    }

    /// Whether only issued tokens are valid even where no store is declared.
    pub fn issued_tokens_only(mut self, only: bool) -> Builder {
        self.settings.issued_tokens_only = only;
        self
    }

    /// The largest body of the vendor's surface, in bytes; above it 413.
    pub fn body_limit(mut self, bytes: usize) -> Builder {
        self.settings.body_limit = bytes;
        self
    }

    /// How long a request's head, and then its body, may take to arrive, in real time; above it 408.
    pub fn read_timeout(mut self, timeout: Duration) -> Builder {
        self.read_timeout = timeout;
        self
    }

    /// A further name by which the control surface may be called, beside loopback and the address that is listened on; `*`
    /// for any.
    pub fn control_host(mut self, name: impl Into<String>) -> Builder {
        self.access.hosts.push(name.into());
        self
    }

    /// Lets pages of an origin, such as `http://localhost:3000`, use both surfaces from a browser.
    pub fn cors(mut self, origin: impl Into<String>) -> Builder {
        self.access.origins.push(origin.into());
        self
    }

    /// What everything under `/_mock` but `health` must carry as `Authorization: Bearer`.
    pub fn control_token(mut self, token: impl Into<String>) -> Builder {
        self.access.token = Some(token.into());
        self
    }

    /// The largest body of the control surface, in bytes; above it 413.
    pub fn control_body_limit(mut self, bytes: usize) -> Builder {
        self.access.body_limit = bytes;
        self
    }

    /// How many threads serve; 1 by default.
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn workers(mut self, threads: usize) -> Builder {
        assert!(threads > 0, "an emulator is served by at least one thread");
        self.workers = threads;
        self
    }

    /// Lets time stand still at a moment until it is [advanced](YotpoMock::advance).
    pub fn frozen_at(mut self, moment: DateTime<Utc>) -> Builder {
        self.frozen_at = Some(moment);
        self
    }

    /// How many requests the journal keeps; older ones are forgotten.
    pub fn journal_entries(mut self, entries: usize) -> Builder {
        self.journal.entries = entries;
        self
    }

    /// How much memory the journal takes, in bytes; older requests are forgotten. The latest is kept however large it is.
    pub fn journal_bytes(mut self, bytes: usize) -> Builder {
        self.journal.bytes = bytes;
        self
    }

    /// How much the journal keeps of each body, in bytes.
    pub fn journal_body_bytes(mut self, bytes: usize) -> Builder {
        self.journal.body_bytes = bytes;
        self
    }

    /// Writes the journal to a file while it happens, a line of JSON per request, in the place of what stood there. The file is
    /// complete when the emulator is dropped.
    pub fn journal_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.journal_file = Some(path.as_ref().to_owned());
        self
    }

    /// Keeps the state in a file: read at the start if it is there, the time included, and then in the place of the seeds; saved
    /// when the emulator stops or is dropped, whole or not at all. A reset still goes back to the seeds.
    pub fn state_file(mut self, path: impl AsRef<Path>) -> Builder {
        self.state_file = Some(path.as_ref().to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// Where [`try_start`](Builder::try_start) gives an error.
    pub fn start(self) -> YotpoMock {
        self.try_start()
            .unwrap_or_else(|error| panic!("{error}; {}", error.hint()))
    }

    /// Starts it: when this returns, the seeds are in and the socket takes connections.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, a seed is missing or broken, a state file is broken, stores contradict each other,
    /// or the journal's file cannot be written.
    pub fn try_start(self) -> Result<YotpoMock, StartError> {
        let clock = self.frozen_at.map(Clock::frozen_at).unwrap_or_default();
        let stores = self.stores_at_start(clock.now())?;
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
        let access = Access {
            bound: match self.host {
                Host::Address(address) if !address.is_loopback() => Some(address),
                _ => None,
            },
            ..self.access
        };
        let (tell, told) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("yotpo-mock".to_owned())
            .spawn({
                let world = world.clone();
                move || {
                    actix_web::rt::System::new().block_on(async move {
                        let server = http::serve(world, access, self.read_timeout, sockets, self.workers)?;
                        // Nobody listens only if the starter is gone, and then nobody asks.
                        let _ = tell.send(server.handle());
                        server.await
                    })
                }
            })
            .map_err(|source| StartError::Thread { source })?;
        match told.recv() {
            Ok(server) => Ok(YotpoMock {
                address,
                world,
                server,
                thread: Some(thread),
                is_saved: false,
            }),
            Err(_) => {
                let source = match thread.join() {
                    Ok(Err(source)) => source,
                    _ => io::Error::other("it panicked"),
                };
                Err(StartError::Listen { address, source })
            }
        }
    }

    /// The stores as flags and seeds declare them.
    fn stores_at_start(&self, now: DateTime<Utc>) -> Result<Stores, StartError> {
        let mut stores = Stores::new();
        for (id, secret) in &self.stores {
            let store = stores.entry(id.clone()).or_default();
            seed::declare(store, id, secret.clone()).map_err(|reason| StartError::Store { reason })?;
        }
        let ground = Ground {
            validation: self.settings.terms.validation,
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
