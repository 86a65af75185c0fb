//! The end of an emulator: drain, stop the threads, save the state.

use std::thread;
use std::time::{Duration, Instant};

use super::YotpoMock;
use crate::world::state_file::SaveError;

/// How often a stopping emulator checks whether requests are still in flight.
const DRAIN_POLL: Duration = Duration::from_millis(2);

/// How long a stop waits for the journal file.
const JOURNAL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a stop waits after the last response: actix does not report when a slow reader has got the rest of its write buffer.
const LAST_BYTES_TIMEOUT: Duration = Duration::from_millis(50);

impl YotpoMock {
    /// Stops after the requests in flight are answered, or after `grace`, and saves the state if it has a file.
    ///
    /// New requests get no response: a client that sends without a pause would otherwise keep the emulator running.
    ///
    /// # Errors
    ///
    /// If the state cannot be saved. The emulator stops all the same.
    pub fn stop(mut self, grace: Duration) -> Result<(), SaveError> {
        self.server.drain();
        let journal = &self.inner.world.journal;
        journal.end();
        let started = Instant::now();
        // A response leaves the journal shortly before its bytes are in the socket.
        let mut last_wait = DRAIN_POLL;
        while journal.in_flight() > 0 && started.elapsed() < grace {
            thread::sleep(DRAIN_POLL);
            last_wait = LAST_BYTES_TIMEOUT;
        }
        thread::sleep(last_wait);
        self.end();
        let saved = self.save_state();
        self.is_saved = true;
        saved
    }

    /// Ends the server and waits for its threads.
    fn end(&mut self) {
        self.server.stop();
        self.inner.world.journal.finish(Instant::now() + JOURNAL_TIMEOUT);
    }
}

impl Drop for YotpoMock {
    fn drop(&mut self) {
        self.end();
        if !self.is_saved
            && let Err(error) = self.save_state()
        {
            tracing::error!("{error}");
        }
        if thread::panicking() {
            self.scope().print_journal();
        }
    }
}
