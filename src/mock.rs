//! One running mock: a world, its sockets and the thread that serves them.

mod builder;
mod host;
mod start_error;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::customer::Identifiers;
use crate::domain::event::Event;
use crate::http::Running;
use crate::world::clock::LAST_YEAR;
use crate::world::journal::Entry;
use crate::world::{ResetTo, World};
pub use builder::{Builder, DEFAULT_PORT, DEFAULT_READ_TIMEOUT};
pub use host::Host;
pub use start_error::StartError;
use start_error::plainly;

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
    server: Running,
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
        self.server.pause();
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
        self.server.end();
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
