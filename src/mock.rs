//! One running mock as a value: a world, its sockets and the server between them.

mod builder;
mod customer;
mod event;
mod explanation;
mod fault;
mod host;
mod requests;
mod snapshot;
mod start_error;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, io};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::domain::operation::Operation;
use crate::domain::timestamp::rfc3339;
use crate::http::ServerHandle;
#[cfg(feature = "tls")]
use crate::http::tls::Tls;
use crate::world::clock::{ClockError, LAST_YEAR};
pub use crate::world::report::{Report, Unmatched};
use crate::world::settings::SettingsOverrides;
pub use crate::world::settings::{Setting, Settings};
use crate::world::{ResetTo, World, seed};
pub use builder::{Builder, DEFAULT_JOURNAL_ON_PANIC, DEFAULT_PORT, DEFAULT_READ_TIMEOUT};
pub use customer::{Customer, CustomerBuilder};
pub use event::{Event, EventBuilder};
pub use explanation::{BrokenRule, Explanation, MergedProfile, Step, StepKind};
pub use fault::{AddedFault, Fault};
pub use host::Host;
pub use requests::Requests;
pub use snapshot::Snapshot;
pub use start_error::StartError;
use start_error::plainly;
pub use store::{PendingWrite, Store};

/// How often a stopping mock looks whether the last request is answered.
const DRAIN_POLL: Duration = Duration::from_millis(2);

/// How long the tail of an answer that was waited for may take: nobody tells when actix has written its last 32 KiB to a
/// client that reads slowly.
const LAST_BYTES: Duration = Duration::from_millis(50);

/// An emulator that runs in this process, on threads of its own. It stops when it is dropped.
///
/// It may be started, used and dropped in a plain test as in any async runtime: nothing here waits for longer than a lock is
/// held, but for starting and stopping, which take about a millisecond together.
///
/// ```
/// use yotpo_mock::{Customer, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").build()]);
/// // …point your integration at `store.url()`, `store.id()` and `store.secret()`, and look at what it did:
/// store.requests().upserts().assert_none();
/// ```
#[must_use = "it stops when it is dropped"]
pub struct YotpoMock {
    inner: Arc<Inner>,
    server: ServerHandle,
    /// Whether it was stopped, and the state saved or told that it cannot be.
    is_saved: bool,
}

/// What an emulator and its stores share: the powers of a test over its world.
struct Inner {
    world: Arc<World>,
    /// `http://127.0.0.1:` and a port.
    url: String,
    /// `https://127.0.0.1:` and the same port.
    #[cfg(feature = "tls")]
    https_url: String,
    #[cfg(feature = "tls")]
    tls: Arc<Tls>,
    /// How many requests are printed when a test panics.
    journal_on_panic: usize,
    /// The stores whose journals were printed already.
    printed: Mutex<BTreeSet<String>>,
    /// How many stores were named by [`YotpoMock::new_store`].
    named: AtomicU64,
}

/// What a seed has added to a store, and what it has put in the place of others.
///
/// ```
/// # let yotpo = yotpo_mock::YotpoMock::start();
/// # let store = yotpo.store("shop");
/// use yotpo_mock::Customer;
///
/// let ann = Customer::builder().external_id("c-1").build();
/// assert_eq!(store.seed([ann.clone()]).customers_created, 1);
/// assert_eq!(store.seed([ann]).customers_replaced, 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeedSummary {
    /// Customers that were not there before.
    pub customers_created: usize,
    /// Customers that took the place of others.
    pub customers_replaced: usize,
    /// Events that were not there before.
    pub events_created: usize,
    /// Events that took the place of others.
    pub events_replaced: usize,
}

impl SeedSummary {
    fn of(seeded: seed::Seeded) -> SeedSummary {
        SeedSummary {
            customers_created: seeded.customers.created,
            customers_replaced: seeded.customers.replaced,
            events_created: seeded.events.created,
            events_replaced: seeded.events.replaced,
        }
    }
}

impl YotpoMock {
    /// Starts an emulator on a free port of the loopback interface, with no store declared and every setting at its
    /// default.
    ///
    /// # Panics
    ///
    /// If there is no free port, no descriptor or no thread to be had.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.url().starts_with("http://127.0.0.1:"));
    /// ```
    #[track_caller]
    pub fn start() -> YotpoMock {
        YotpoMock::builder().start()
    }

    /// Prepares an emulator that is not the default one.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().rate_limit(5).start();
    /// assert_eq!(yotpo.settings().rate_limit, 5);
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The default emulator that all tests of a binary share, started at the first call and never stopped. Take a
    /// [store of its own](YotpoMock::new_store) for each test, and leave alone what concerns all of them: its reset, its faults and
    /// its clock. Its time runs: a test whose time must stand still starts an emulator of its own.
    ///
    /// # Panics
    ///
    /// As [`start`](YotpoMock::start) does.
    ///
    /// ```
    /// use yotpo_mock::YotpoMock;
    ///
    /// let store = YotpoMock::shared().new_store();
    /// assert!(store.customers().is_empty());
    /// ```
    pub fn shared() -> &'static YotpoMock {
        static SHARED: LazyLock<YotpoMock> = LazyLock::new(YotpoMock::start);
        &SHARED
    }

    /// Where it listens, without a slash at the end: `http://127.0.0.1:` and a port.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::start();
    /// let token = format!("{}/oauth/token", yotpo.url());
    /// # assert!(token.starts_with("http://127.0.0.1:"));
    /// ```
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Where it listens, for clients that speak TLS; they must trust what [`ca_pem`](YotpoMock::ca_pem) tells.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().tls().start();
    /// assert!(yotpo.https_url().starts_with("https://127.0.0.1:"));
    /// ```
    #[cfg(feature = "tls")]
    pub fn https_url(&self) -> &str {
        &self.inner.https_url
    }

    /// What a client is told that has `https://api.yotpo.com` written into it: the emulator as its proxy, for `HTTPS_PROXY` and
    /// `HTTP_PROXY`. It leads to the emulator, to what was [named](Builder::proxy_passthrough), and nowhere else.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.proxy_url().starts_with("http://127.0.0.1:"));
    /// ```
    pub fn proxy_url(&self) -> &str {
        &self.inner.url
    }

    /// The certificate of the authority that clients must trust, in PEM. It can vouch for the emulator's names alone.
    ///
    /// # Panics
    ///
    /// If the certificate is [your own](Builder::tls_cert): then you know its authority.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().tls().start();
    /// assert!(yotpo.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    /// ```
    #[cfg(feature = "tls")]
    #[track_caller]
    pub fn ca_pem(&self) -> &str {
        let pem = self.inner.tls.ca_pem();
        pem.expect("an emulator that shows a certificate of your own has no authority")
    }

    /// A store by its id.
    ///
    /// One that is not known yet is declared, with a secret of its own: only tokens that it issued are good for it, as in
    /// production. One that is known stays as it is; where it was not declared, any text is its secret and any token is good.
    ///
    /// # Panics
    ///
    /// If the id is empty.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::start();
    /// let store = yotpo.store("shop");
    /// // …goes to your integration:
    /// let config = (yotpo.url(), store.id(), store.secret());
    /// # let _ = config;
    /// ```
    #[track_caller]
    pub fn store(&self, id: impl Into<String>) -> Store {
        Store::of(&self.inner, id.into())
    }

    /// A store that nobody has used yet, for one test: `store-1`, `store-2` and so on.
    ///
    /// ```
    /// # use yotpo_mock::YotpoMock;
    /// let (one, two) = (YotpoMock::shared().new_store(), YotpoMock::shared().new_store());
    /// assert_ne!(one.id(), two.id());
    /// ```
    pub fn new_store(&self) -> Store {
        loop {
            let id = format!("store-{}", self.inner.named.fetch_add(1, Ordering::Relaxed) + 1);
            if self.inner.world.memory().store(&id).is_none() {
                return self.store(id);
            }
        }
    }

    /// The ids of the stores that are remembered, in order: those that were declared or seeded, got a token, or took a write.
    ///
    /// ```
    /// let yotpo = yotpo_mock::YotpoMock::builder().store("shop", "s3cret").start();
    /// assert_eq!(yotpo.store_ids(), ["shop"]);
    /// ```
    pub fn store_ids(&self) -> Vec<String> {
        self.inner.world.memory().store_ids()
    }

    /// Adds what a seed document says, JSON or NDJSON, to any number of stores, in one step; tells what that did to each.
    ///
    /// # Errors
    ///
    /// What is wrong with the document, with line, entry and field. Then nothing is added.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let seeded = yotpo.seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#).unwrap();
    /// assert_eq!(seeded["shop"].customers_created, 1);
    ///
    /// let error = yotpo.seed(r#"{"stores":[{"id":"shop","customers":[{"emial":"a@b.co"}]}]}"#).unwrap_err();
    /// assert!(error.contains("emial"), "{error}");
    /// ```
    pub fn seed(&self, document: &str) -> Result<BTreeMap<String, SeedSummary>, String> {
        let seeded = self.inner.world.seed(document)?;
        Ok(seeded
            .into_iter()
            .map(|(id, seeded)| (id, SeedSummary::of(seeded)))
            .collect())
    }

    /// The requests to the vendor's surface that are in the journal, to be narrowed and counted.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.requests().with_status(500).assert_none();
    /// ```
    pub fn requests(&self) -> Requests {
        Requests::of(&self.inner.world, None)
    }

    /// Forgets all requests; numbers go on, and the report stays.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.forget_requests();
    /// ```
    pub fn clear_requests(&self) {
        self.inner.world.journal.clear(None);
    }

    /// What was counted, of all stores.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.report().server_errors(), 0);
    /// ```
    pub fn report(&self) -> Report {
        self.inner.world.report.report(None)
    }

    /// Begins anew to count.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.forget_report();
    /// ```
    pub fn clear_report(&self) {
        self.inner.world.report.clear(None);
    }

    /// Lets a fault strike the next request of an operation, to any store; more of them by [`Fault::times`].
    ///
    /// # Panics
    ///
    /// If the fault is impossible, or there are 1,000 already.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use yotpo_mock::{Fault, Operation};
    ///
    /// yotpo.fail_next(Operation::CreateAccessToken, Fault::service_unavailable());
    /// ```
    #[track_caller]
    pub fn fail_next(&self, operation: Operation, fault: Fault) -> AddedFault {
        self.add_fault(fault.on(operation).once())
    }

    /// Lets a fault strike requests to any store.
    ///
    /// # Panics
    ///
    /// If the fault is impossible, or there are 1,000 already.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// use std::time::Duration;
    /// use yotpo_mock::Fault;
    ///
    /// yotpo.add_fault(Fault::delay(Duration::from_millis(5)));
    /// ```
    #[track_caller]
    pub fn add_fault(&self, fault: Fault) -> AddedFault {
        fault.add_to(&self.inner.world)
    }

    /// All faults, the oldest first.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.faults().is_empty());
    /// ```
    pub fn faults(&self) -> Vec<AddedFault> {
        AddedFault::all(&self.inner.world, None)
    }

    /// Removes all faults.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.clear_faults();
    /// ```
    pub fn clear_faults(&self) {
        self.inner.world.memory().faults.clear(None);
    }

    /// The time, by the clock of all stores.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert!(yotpo.now() <= chrono::Utc::now());
    /// ```
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.world.clock.now()
    }

    /// Moves the time of all stores forward: tokens expire, rate limit windows close, delayed writes appear.
    ///
    /// # Panics
    ///
    /// If that leads beyond the year 9000.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.advance(std::time::Duration::from_secs(60));
    /// ```
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        self.inner.advance(None, by);
    }

    /// Sets the time of all stores to a later moment.
    ///
    /// # Panics
    ///
    /// If it is later than that already, since a clock never goes back, or the moment is beyond the year 9000.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.set_time("2040-01-01T00:00:00Z".parse().unwrap());
    /// assert!(yotpo.now().to_rfc3339().starts_with("2040-01-01T00:00:0"));
    /// ```
    #[track_caller]
    pub fn set_time(&self, moment: DateTime<Utc>) {
        self.inner.set_time(None, moment);
    }

    /// Lets the time stand still, until it is [advanced](YotpoMock::advance), set or [let go](YotpoMock::unfreeze).
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.freeze();
    /// assert_eq!(yotpo.now(), yotpo.now());
    /// ```
    pub fn freeze(&self) {
        let frozen = self.inner.world.clock.put(None, None, Some(true));
        frozen.expect("a clock that is not moved goes neither back nor too far");
    }

    /// Lets the time run on from where it stands.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.freeze();
    /// yotpo.unfreeze();
    /// ```
    pub fn unfreeze(&self) {
        let runs = self.inner.world.clock.put(None, None, Some(false));
        runs.expect("a clock that is not moved goes neither back nor too far");
    }

    /// Makes every accepted write of every store visible now; gives their number.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.settle(), 0);
    /// ```
    pub fn settle(&self) -> usize {
        self.inner.world.settle(None)
    }

    /// What holds for all stores that have no settings of their own.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// assert_eq!(yotpo.settings().rate_limit, 0);
    /// ```
    pub fn settings(&self) -> Settings {
        self.inner.world.memory().settings(None)
    }

    /// Changes a setting for all stores that have not changed it for themselves. A reset takes it back.
    ///
    /// # Panics
    ///
    /// If the value is one that it cannot have.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.set(yotpo_mock::Setting::RateLimit(5));
    /// ```
    #[track_caller]
    pub fn set(&self, setting: Setting) {
        self.inner.set(None, setting);
    }

    /// Takes back what was changed for all stores: the settings of the start hold. What stores have changed for themselves stays.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.set(yotpo_mock::Setting::RateLimit(5));
    /// yotpo.unset_all();
    /// assert_eq!(yotpo.settings().rate_limit, 0);
    /// ```
    pub fn clear_settings(&self) {
        self.inner
            .world
            .memory()
            .set_overrides(None, SettingsOverrides::default());
    }

    /// Goes back to how it started: the seeds, the declared stores, the settings, and nothing else. The journal and the time
    /// stay.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.store("shop").generate(10, 0, 1);
    /// yotpo.reset();
    /// assert!(yotpo.store("shop").customers().is_empty());
    /// ```
    pub fn reset(&self) {
        self.inner.world.reset(None, ResetTo::Seed);
    }

    /// Goes back to nothing but the declared stores and their secrets.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.reset_to_empty();
    /// ```
    pub fn reset_to_empty(&self) {
        self.inner.world.reset(None, ResetTo::Empty);
    }

    /// Keeps what it is now, however large its stores are, at next to no cost.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let before = yotpo.snapshot();
    /// yotpo.store("shop").generate(10, 0, 1);
    /// yotpo.restore(&before);
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.inner.world.state())
    }

    /// Puts back what it was, the time included. Cursors from before are refused, and so are tokens that were issued since.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let before = yotpo.snapshot();
    /// yotpo.advance(std::time::Duration::from_secs(60));
    /// yotpo.restore(&before);
    /// ```
    pub fn restore(&self, snapshot: &Snapshot) {
        self.inner.world.restore(snapshot.state());
    }

    /// Puts what a state document says in the place of what is there; [`Snapshot::to_json`] gives one, and a seed is one.
    ///
    /// # Errors
    ///
    /// What is wrong with the document. Then nothing is changed.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.restore_json(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#).unwrap();
    /// assert_eq!(yotpo.store("shop").customers().len(), 1);
    /// ```
    pub fn restore_json(&self, document: &str) -> Result<(), String> {
        self.inner.world.put_document(None, document)
    }

    /// Saves the state in its [file](Builder::state_file), whole or not at all; does nothing where there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; then it is as it was.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.save_state()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn save_state(&self) -> io::Result<()> {
        self.inner.world.save().transpose().map(|_| ())
    }

    /// Stops as soon as the requests that are under way are answered and the answers are written; cuts them after `grace`. Then
    /// the state is saved, if there is a file for it.
    ///
    /// A request that comes after this gets no answer: clients that ask without a pause would otherwise never let it end.
    ///
    /// # Errors
    ///
    /// If the state cannot be saved; it has stopped all the same.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// yotpo.stop(std::time::Duration::from_secs(1))?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn stop(mut self, grace: Duration) -> io::Result<()> {
        self.server.pause();
        let journal = &self.inner.world.journal;
        journal.end();
        let started = Instant::now();
        // The last answer may be on its way from the journal to its socket.
        let mut rest = DRAIN_POLL;
        while journal.in_flight() > 0 && started.elapsed() < grace {
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
        self.server.end();
        self.inner.world.journal.finish();
    }
}

/// Where it listens, and nothing secret.
impl fmt::Debug for YotpoMock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YotpoMock")
            .field("url", &self.inner.url)
            .finish_non_exhaustive()
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
        if thread::panicking() {
            self.inner.print_journal(None);
        }
    }
}

impl Inner {
    /// Moves the time of all stores, or of one, forward.
    #[track_caller]
    fn advance(&self, store: Option<&str>, by: Duration) {
        let advanced = self.world.clock.advance(store, by);
        assert!(advanced.is_ok(), "a clock is not advanced beyond the year {LAST_YEAR}");
    }

    /// Sets the time of all stores, or of one.
    #[track_caller]
    fn set_time(&self, store: Option<&str>, moment: DateTime<Utc>) {
        match self.world.clock.put(store, Some(moment), None) {
            Ok(()) => {}
            Err(ClockError::Back { now }) => panic!("a clock never goes back: it is `{}` already", rfc3339(now)),
            Err(ClockError::TooFar) => panic!("a clock is not set beyond the year {LAST_YEAR}"),
        }
    }

    /// Changes a setting for all stores, or for one.
    #[track_caller]
    fn set(&self, store: Option<&str>, setting: Setting) {
        let memory = self.world.memory();
        match memory.overrides(store).with(setting) {
            Ok(changes) => memory.set_overrides(store, changes),
            Err(error) => panic!("{error}"),
        }
    }

    /// Prints the latest requests of one store, or of all whose journals were not printed yet.
    fn print_journal(&self, store: Option<&str>) {
        if self.journal_on_panic == 0 {
            return;
        }
        let mut printed = self.printed.lock();
        let mut entries = self.world.journal.entries();
        entries.retain(|entry| match store {
            Some(store) => entry.store() == Some(store),
            None => entry.store().is_none_or(|store| !printed.contains(store)),
        });
        let is_new = store.is_none_or(|store| printed.insert(store.to_owned()));
        if !is_new || entries.is_empty() {
            return;
        }
        let of = store.map_or_else(String::new, |store| format!(" to store `{store}`"));
        // By the macro, since a test's output is captured from there and nowhere else.
        eprintln!("{}", requests::told(&entries, self.journal_on_panic, &of));
    }
}
