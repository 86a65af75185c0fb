//! One running emulator as a value: a world, its sockets and the server between them.

mod builder;
mod customer;
mod document_error;
mod event;
mod explanation;
mod fault;
mod host;
mod requests;
mod scope;
mod seed_summary;
mod shutdown;
mod snapshot;
mod start;
mod start_error;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::operation::Operation;
use crate::http::ServerHandle;
use crate::world::ResetTo;
pub use crate::world::report::{InvalidProblemKind, ProblemKind, Report, Unmatched};
pub use crate::world::settings::{Setting, Settings};
use crate::world::state_file::SaveError;
pub use builder::{Builder, DEFAULT_JOURNAL_ON_PANIC, DEFAULT_PORT, DEFAULT_READ_TIMEOUT};
pub use customer::{Customer, CustomerBuilder};
pub use document_error::DocumentError;
pub use event::{Event, EventBuilder};
pub use explanation::{Explanation, LineageStep, MergedProfile, StepKind};
pub use fault::{AddedFault, Fault};
pub use host::{Host, ParseHostError};
pub use requests::Requests;
use scope::{Inner, Scope};
pub use seed_summary::SeedSummary;
pub use snapshot::Snapshot;
pub use start_error::StartError;
pub use store::{PendingWrite, Store};

/// An emulator that runs on its own threads in this process and stops when it is dropped.
///
/// It works in a plain test and inside any async runtime. Starting and stopping take about a millisecond together; no other
/// method blocks for longer than a lock is held.
///
/// Most tests work on a [`Store`]. The methods here that a `Store` has too act on all stores.
///
/// ```
/// use yotpo_mock::{Customer, YotpoMock};
///
/// let yotpo = YotpoMock::start();
/// let store = yotpo.store("shop");
/// store.seed([Customer::builder().external_id("c-1").build()]);
/// // Run your integration with `store.url()`, `store.id()` and `store.secret()`, then check what it sent:
/// store.requests().upserts().assert_none();
/// ```
#[must_use = "it stops when it is dropped"]
pub struct YotpoMock {
    inner: Arc<Inner>,
    server: ServerHandle,
    /// Whether `stop` has saved the state, or failed to, so that `drop` does not try again.
    is_saved: bool,
}

impl YotpoMock {
    /// Starts an emulator with default settings and no declared store, on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If no port, file descriptor or thread is available.
    #[track_caller]
    pub fn start() -> YotpoMock {
        YotpoMock::builder().start()
    }

    /// Configures an emulator before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// An emulator with default settings that all tests of a binary share. The first call starts it; it never stops.
    ///
    /// Give each test [its own store](YotpoMock::new_store), and use the methods of that store: those of the shared emulator affect
    /// every test. Its clock runs; a test that needs a frozen clock starts its own emulator.
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

    /// The base URL, without a trailing slash: `http://127.0.0.1:49152`.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The base URL for HTTPS, on the same port. Clients must trust [`ca_pem`](YotpoMock::ca_pem).
    #[cfg(feature = "tls")]
    pub fn https_url(&self) -> &str {
        &self.inner.https_url
    }

    /// The emulator as an HTTP proxy, for `HTTPS_PROXY` and `HTTP_PROXY`, so that a client with a hard-coded
    /// `https://api.yotpo.com` reaches it. The proxy refuses every other host, except those that
    /// [`proxy_passthrough`](Builder::proxy_passthrough) allows.
    pub fn proxy_url(&self) -> &str {
        &self.inner.url
    }

    /// The certificate of the emulator's certificate authority, in PEM. Its name constraints limit it to the emulator's names.
    ///
    /// # Panics
    ///
    /// If you set [your own certificate](Builder::tls_cert): the emulator has no authority then.
    #[cfg(feature = "tls")]
    #[track_caller]
    pub fn ca_pem(&self) -> &str {
        let pem = self.inner.tls.ca_pem();
        pem.expect("an emulator with your own certificate has no certificate authority")
    }

    /// A store by its id.
    ///
    /// A store that the emulator does not know yet is declared with a generated secret, so that only tokens issued for it are
    /// valid, as in production. A known store is left unchanged; if it has no secret, it accepts any secret and any token.
    ///
    /// # Panics
    ///
    /// If the id is empty.
    #[track_caller]
    pub fn store(&self, id: impl Into<String>) -> Store {
        Store::new(&self.inner, id.into())
    }

    /// An unused store for one test: `store-1`, `store-2` and so on.
    pub fn new_store(&self) -> Store {
        loop {
            let number = self.inner.last_new_store.fetch_add(1, Ordering::Relaxed) + 1;
            let id = format!("store-{number}");
            if self.inner.world.memory().store(&id).is_none() {
                return self.store(id);
            }
        }
    }

    /// The ids of all known stores, sorted. A store is known once it is declared or seeded, gets a token or accepts a write.
    pub fn store_ids(&self) -> Vec<String> {
        self.inner.world.memory().store_ids()
    }

    /// Adds the stores, customers and events of a seed document, JSON or NDJSON, in one step. Returns the counts by store id.
    ///
    /// # Errors
    ///
    /// If the document is invalid; the error names line, entry and field. Then nothing is added.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let added = yotpo.seed(r#"{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}"#).unwrap();
    /// assert_eq!(added["shop"].customers_created, 1);
    ///
    /// let error = yotpo.seed(r#"{"stores":[{"id":"shop","customers":[{"emial":"a@b.co"}]}]}"#).unwrap_err();
    /// assert!(error.to_string().contains("emial"));
    /// ```
    pub fn seed(&self, document: &str) -> Result<BTreeMap<String, SeedSummary>, DocumentError> {
        let seeded = self.inner.world.seed(document).map_err(DocumentError::new)?;
        Ok(seeded.into_iter().map(|(id, seeded)| (id, SeedSummary::new(seeded))).collect())
    }

    /// The requests in the journal, to be filtered and counted.
    pub fn requests(&self) -> Requests {
        self.scope().requests()
    }

    /// Removes all requests from the journal. Request numbers continue, and the report keeps its counts.
    pub fn clear_requests(&self) {
        self.scope().clear_requests();
    }

    /// The counts of all requests since the start or the last [`clear_report`](YotpoMock::clear_report).
    pub fn report(&self) -> Report {
        self.scope().report()
    }

    /// Sets all counts of the report to zero.
    pub fn clear_report(&self) {
        self.scope().clear_report();
    }

    /// Adds a fault for the next request to an operation, or for more with [`Fault::times`].
    ///
    /// # Panics
    ///
    /// If the fault is invalid, or there are 1,000 faults already.
    #[track_caller]
    pub fn fail_next(&self, operation: Operation, fault: Fault) -> AddedFault {
        self.scope().fail_next(operation, fault)
    }

    /// Adds a fault for every request that matches it.
    ///
    /// # Panics
    ///
    /// If the fault is invalid, or there are 1,000 faults already.
    #[track_caller]
    pub fn add_fault(&self, fault: Fault) -> AddedFault {
        self.scope().add_fault(fault)
    }

    /// All faults, oldest first, those of single stores included.
    pub fn faults(&self) -> Vec<AddedFault> {
        self.scope().faults()
    }

    /// Removes all faults, those of single stores included.
    pub fn clear_faults(&self) {
        self.scope().clear_faults();
    }

    /// The time of the emulator's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.scope().now()
    }

    /// Moves the time of all stores forward: tokens expire, rate limit windows close, delayed writes become visible.
    ///
    /// # Panics
    ///
    /// If a store's time would pass the year 9000.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        self.scope().advance(by);
    }

    /// Moves the clock forward to a time.
    ///
    /// # Panics
    ///
    /// If the clock is already later, or a store's time would pass the year 9000.
    #[track_caller]
    pub fn set_time(&self, time: DateTime<Utc>) {
        self.scope().set_time(time);
    }

    /// Stops the clock. Time then changes only by [`advance`](YotpoMock::advance) and [`set_time`](YotpoMock::set_time).
    pub fn freeze(&self) {
        self.set_frozen(true);
    }

    /// Lets the clock run on from its present time.
    pub fn unfreeze(&self) {
        self.set_frozen(false);
    }

    fn set_frozen(&self, is_frozen: bool) {
        let set = self.inner.world.clock.set(None, None, Some(is_frozen));
        set.expect("a clock that keeps its time cannot leave its range");
    }

    /// Makes all accepted writes visible now, and returns their number.
    pub fn settle(&self) -> usize {
        self.scope().settle()
    }

    /// The settings of all stores that have not changed their own.
    pub fn settings(&self) -> Settings {
        self.scope().settings()
    }

    /// Changes a setting for all stores that have not changed it themselves, until the next reset.
    ///
    /// # Panics
    ///
    /// If the setting does not allow the value.
    #[track_caller]
    pub fn set(&self, setting: Setting) {
        self.scope().set(setting);
    }

    /// Returns to the settings of the start. The settings of single stores stay.
    pub fn clear_settings(&self) {
        self.scope().clear_settings();
    }

    /// Returns to the seeds, declared stores and settings of the start. Journal, report and time stay.
    pub fn reset(&self) {
        self.scope().reset(ResetTo::Seed);
    }

    /// Resets, but keeps only the declared stores and their secrets, without the seeded customers and events.
    pub fn reset_to_empty(&self) {
        self.scope().reset(ResetTo::Empty);
    }

    /// Takes a snapshot of all stores, settings, faults and the clock. The cost does not depend on the size of the stores.
    ///
    /// ```
    /// # let yotpo = yotpo_mock::YotpoMock::start();
    /// let before = yotpo.snapshot();
    /// yotpo.store("shop").generate(10, 0, 1);
    /// yotpo.restore(&before);
    /// assert_eq!(yotpo.snapshot().to_json(), before.to_json());
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.inner.world.state())
    }

    /// Returns to a snapshot, its time included. Cursors from before, and tokens issued since the snapshot, are no longer valid.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.inner.world.restore(snapshot.state());
    }

    /// Replaces the whole state with a JSON document: one from [`Snapshot::to_json`], or a seed.
    ///
    /// # Errors
    ///
    /// If the document is invalid. Then nothing changes.
    pub fn restore_json(&self, document: &str) -> Result<(), DocumentError> {
        self.scope().restore_json(document)
    }

    /// Saves the state in its [file](Builder::state_file); does nothing without one.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. Then it keeps its old content.
    pub fn save_state(&self) -> Result<(), SaveError> {
        self.inner.world.save().transpose().map(|_| ())
    }

    fn scope(&self) -> Scope<'_> {
        Scope { inner: &self.inner, store: None }
    }
}

/// Prints warnings on stderr, which a test harness shows if the test fails.
fn print_warnings(warnings: impl IntoIterator<Item = String>) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

/// Shows the URL, and no secrets.
impl fmt::Debug for YotpoMock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YotpoMock").field("url", &self.inner.url).finish_non_exhaustive()
    }
}
