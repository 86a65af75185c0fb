//! The journal file: a line of JSON for each entry, written by its own thread.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;

use super::Entry;

/// The number of entries that can wait for the writer, in addition to the bounds of the journal.
const QUEUE_CAPACITY: usize = 1024;

/// How long a request waits when the queue is full. Then its entry is lost, and so are the following ones, without a wait, until
/// the writer has recorded the loss.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// How long [`JournalFile::finish`] waits for room in the queue, and then for the writer.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The queue to the thread that writes the file.
#[derive(Debug)]
pub(super) struct JournalFile {
    /// `None` ends the file.
    queue: SyncSender<Option<Arc<Entry>>>,
    lost: Arc<AtomicU64>,
    /// Receives when the file is complete.
    done: Mutex<Receiver<()>>,
}

impl JournalFile {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the system refuses to.
    pub fn start(file: File) -> io::Result<JournalFile> {
        let (queue, entries) = sync_channel(QUEUE_CAPACITY);
        let (done_sender, done) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        thread::Builder::new().name("journal".to_owned()).spawn({
            let lost = lost.clone();
            move || {
                write_entries(file, &entries, &lost);
                // `finish` may have timed out.
                let _ = done_sender.send(());
            }
        })?;
        Ok(JournalFile { queue, lost, done: Mutex::new(done) })
    }

    /// Queues an entry. If the writer is too slow, the entry is lost and counted.
    pub fn write(&self, entry: Arc<Entry>) {
        let timeout = match self.lost.load(Ordering::Relaxed) {
            0 => SEND_TIMEOUT,
            _ => Duration::ZERO,
        };
        if !self.send(Some(entry), timeout) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until every queued entry is written, but not forever. Later entries are not written.
    pub fn finish(&self) {
        if self.send(None, FINISH_TIMEOUT) {
            // A timeout changes nothing: the process ends now.
            let _ = self.done.lock().recv_timeout(FINISH_TIMEOUT);
        }
    }

    /// Returns whether the message was queued before the timeout.
    fn send(&self, mut message: Option<Arc<Entry>>, timeout: Duration) -> bool {
        let mut started = None;
        loop {
            match self.queue.try_send(message) {
                Ok(()) => return true,
                Err(TrySendError::Full(returned)) => message = returned,
                Err(TrySendError::Disconnected(_)) => return false,
            }
            if started.get_or_insert_with(Instant::now).elapsed() >= timeout {
                return false;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

/// Writes entries until the end of the file, and flushes whenever the queue is empty. Logs the first error only.
fn write_entries(file: File, entries: &Receiver<Option<Arc<Entry>>>, lost: &AtomicU64) {
    let mut file = BufWriter::new(file);
    let mut has_failed = false;
    let mut check = |result: io::Result<()>| {
        if let Err(error) = result
            && !std::mem::replace(&mut has_failed, true)
        {
            tracing::warn!("cannot write the journal file: {error}");
        }
    };
    let mut next = entries.recv().ok().flatten();
    while let Some(entry) = next {
        check(writeln!(file, "{}", entry.to_json()));
        check(write_lost(&mut file, lost));
        next = entries.try_recv().unwrap_or_else(|_| {
            check(file.flush());
            entries.recv().ok().flatten()
        });
    }
    check(write_lost(&mut file, lost));
    check(file.flush());
}

/// Writes how many entries were lost since the last time, if any.
fn write_lost(file: &mut impl Write, lost: &AtomicU64) -> io::Result<()> {
    match lost.swap(0, Ordering::Relaxed) {
        0 => Ok(()),
        lost => writeln!(file, "{}", json!({ "lost": lost })),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::fd::OwnedFd;

    use serde_json::Value;

    use super::*;
    use crate::world::journal::{DEFAULT_BODY_BYTES, EntryDraft};

    #[test]
    fn a_slow_file_loses_entries_and_records_how_many() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let file = JournalFile::start(File::from(OwnedFd::from(writer))).expect("a thread");
        // Nobody reads yet, so the pipe and then the queue fill up.
        let all = 2 * QUEUE_CAPACITY;
        let started = Instant::now();
        let entry = |number| Arc::new(EntryDraft::default().into_entry(number as u64, DEFAULT_BODY_BYTES));
        (1..=all).for_each(|number| file.write(entry(number)));
        assert!(started.elapsed() < 10 * SEND_TIMEOUT, "only the first lost entry waited");
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
        assert!(lost > 0 && written >= QUEUE_CAPACITY, "{lost} lost, {written} written");
        assert_eq!(written as u64 + lost, all as u64);
    }
}
