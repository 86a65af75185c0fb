//! The journal's file: every entry as a line of JSON while it happens, written by a thread of its own.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;

use super::stored_entry::StoredEntry;

/// How many entries wait to be written, in memory beyond the bounds of the journal; while they do, the next one waits for
/// [`PATIENCE`].
const CAPACITY: usize = 1024;

/// How long a request waits for a place before its entry is lost. Once one is lost, none waits until there is a place again.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the last lines may take when the emulator stops.
const LAST_LINES: Duration = Duration::from_secs(5);

/// How often whoever waits looks for a place.
const POLL: Duration = Duration::from_millis(1);

/// The way into the file.
#[derive(Debug)]
pub(super) struct JournalFile {
    /// `None` is the end.
    entries: SyncSender<Option<Arc<StoredEntry>>>,
    lost: Arc<AtomicU64>,
    /// Told when the thread has written everything.
    done: Mutex<Receiver<()>>,
}

impl JournalFile {
    /// Starts the thread that writes.
    ///
    /// # Errors
    ///
    /// If there is none to be had.
    pub fn start(file: File) -> io::Result<JournalFile> {
        let (entries, waiting) = sync_channel(CAPACITY);
        let (tell, done) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        thread::Builder::new().name("journal".to_owned()).spawn({
            let lost = lost.clone();
            move || {
                write(file, &waiting, &lost);
                // Whoever waited may have lost patience.
                let _ = tell.send(());
            }
        })?;
        Ok(JournalFile {
            entries,
            lost,
            done: Mutex::new(done),
        })
    }

    /// Hands an entry over. It is lost, and counted, where the file does not keep up.
    pub fn add(&self, record: Arc<StoredEntry>) {
        let patience = match self.lost.load(Ordering::Relaxed) {
            0 => PATIENCE,
            _ => Duration::ZERO,
        };
        if !self.hand_over(Some(record), patience) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when everything that was handed over is written, but does not wait for ever. Nothing is written after it.
    pub fn finish(&self) {
        if self.hand_over(None, LAST_LINES) {
            // Late or not, the emulator stops now.
            let _ = self.done.lock().recv_timeout(LAST_LINES);
        }
    }

    /// Whether there was a place in time.
    fn hand_over(&self, mut record: Option<Arc<StoredEntry>>, patience: Duration) -> bool {
        let mut began = None;
        loop {
            match self.entries.try_send(record) {
                Ok(()) => return true,
                Err(TrySendError::Full(returned)) => record = returned,
                // The thread is gone with everything that it had to write.
                Err(TrySendError::Disconnected(_)) => return false,
            }
            if began.get_or_insert_with(Instant::now).elapsed() >= patience {
                return false;
            }
            thread::sleep(POLL);
        }
    }
}

/// Writes entries until the last; flushes whenever none is waiting.
fn write(file: File, waiting: &Receiver<Option<Arc<StoredEntry>>>, lost: &AtomicU64) {
    let mut file = BufWriter::new(file);
    let mut failed = 0_u64;
    let mut next = waiting.recv().ok().flatten();
    while let Some(record) = next {
        let written =
            writeln!(file, "{}", record.entry().to_json()).and_then(|()| match lost.swap(0, Ordering::Relaxed) {
                0 => Ok(()),
                lost => writeln!(file, "{}", json!({ "lost": lost })),
            });
        let (written, following) = match waiting.try_recv() {
            Ok(following) => (written, following),
            Err(_) => (written.and_then(|()| file.flush()), waiting.recv().ok().flatten()),
        };
        if let Err(error) = written {
            failed += 1;
            if failed == 1 {
                tracing::warn!("the journal's file cannot be written: {error}");
            }
        }
        next = following;
    }
    let lost = lost.swap(0, Ordering::Relaxed);
    let told = if lost > 0 {
        writeln!(file, "{}", json!({ "lost": lost }))
    } else {
        Ok(())
    };
    if let Err(error) = told.and_then(|()| file.flush())
        && failed == 0
    {
        tracing::warn!("the journal's file cannot be written: {error}");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::fd::OwnedFd;

    use serde_json::Value;

    use super::*;
    use crate::world::journal::{EntryDraft, Limits};

    fn record(number: u64) -> Arc<StoredEntry> {
        let draft = EntryDraft {
            number,
            at: chrono::DateTime::UNIX_EPOCH,
            operation: None,
            store: None,
            method: "GET",
            path: "/nowhere",
            query: "",
            status: 404,
            fault: None,
            rules: Vec::new(),
            notes: Vec::new(),
            duration: Duration::ZERO,
            request_headers: b"",
            request_body: None,
            response_headers: b"",
            response_body: None,
        };
        Arc::new(StoredEntry::new(draft, Limits::default()))
    }

    #[test]
    fn a_file_that_does_not_keep_up_loses_lines_and_says_how_many() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let file = JournalFile::start(File::from(OwnedFd::from(writer))).expect("a thread");
        // Nobody reads yet: the pipe takes some, the queue so many more.
        let all = 2 * CAPACITY;
        let began = Instant::now();
        (1..=all).for_each(|number| file.add(record(number as u64)));
        assert!(began.elapsed() < 10 * PATIENCE, "only the first that was lost waited");
        let lines = thread::scope(|scope| {
            let lines = scope.spawn(|| {
                let lines = BufReader::new(reader).lines();
                let values = lines.map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"));
                values.collect::<Vec<_>>()
            });
            file.finish();
            drop(file);
            lines.join().expect("it read to the end")
        });
        let lost: u64 = lines.iter().filter_map(|line| line["lost"].as_u64()).sum();
        let written = lines.iter().filter(|line| line["number"].is_u64()).count();
        assert!(lost > 0 && written >= CAPACITY, "{lost} lost, {written} written");
        assert_eq!(written as u64 + lost, all as u64);
    }
}
