//! The journal file: a line of JSON for each entry, written by its own thread.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::json;

use super::Entry;
use crate::domain::text::pluralize;

/// The size of the entries that can wait for the writer, in addition to the bounds of the journal: 64 MiB.
pub(super) const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// The queue to the thread that writes the file. No request waits for it: what does not fit in the queue is lost, and counted.
#[derive(Debug)]
pub(super) struct JournalFile {
    /// `None` ends the file.
    queue: Sender<Option<Arc<Entry>>>,
    queue_bytes: usize,
    counts: Arc<Counts>,
    /// Receives when the file is complete. `None` after [`finish`](JournalFile::finish).
    done: Mutex<Option<Receiver<()>>>,
}

#[derive(Debug, Default)]
struct Counts {
    queued: AtomicU64,
    queued_bytes: AtomicUsize,
    /// Entries that were lost since the last line about it.
    lost: AtomicU64,
    lost_in_all: AtomicU64,
}

impl JournalFile {
    /// Starts the thread. The size of the entries that wait is at most `queue_bytes`.
    ///
    /// # Errors
    ///
    /// If the system refuses to.
    pub fn start(file: File, queue_bytes: usize) -> io::Result<JournalFile> {
        let (queue, entries) = channel();
        let (done_sender, done) = sync_channel(1);
        let counts = Arc::new(Counts::default());
        thread::Builder::new().name("journal".to_owned()).spawn({
            let counts = counts.clone();
            move || {
                write_entries(file, &entries, &counts);
                // `finish` may have timed out.
                let _ = done_sender.send(());
            }
        })?;
        Ok(JournalFile { queue, queue_bytes, counts, done: Mutex::new(Some(done)) })
    }

    /// Queues an entry. If the queue is full, the entry is lost and counted.
    pub fn write(&self, entry: Arc<Entry>) {
        let Counts { queued, queued_bytes, lost, lost_in_all } = &*self.counts;
        let bytes = entry.memory_bytes();
        if queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.queue_bytes {
            queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            lost.fetch_add(1, Ordering::Relaxed);
            if lost_in_all.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!(
                    "the journal file cannot be written as fast as requests arrive, so it lacks some: each gap has a line \
                     with the number of requests, such as {{\"lost\":12}}"
                );
            }
            return;
        }
        queued.fetch_add(1, Ordering::Relaxed);
        // The thread ends after `finish` only.
        let _ = self.queue.send(Some(entry));
    }

    /// Waits until every queued entry is written, or until the deadline. Later entries are not written.
    pub fn finish(&self, deadline: Instant) {
        let Some(done) = self.done.lock().take() else { return };
        let _ = self.queue.send(None);
        let is_complete = done.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok();
        let lost = self.counts.lost_in_all.load(Ordering::Relaxed);
        let unwritten = if is_complete { 0 } else { self.counts.queued.load(Ordering::Relaxed) };
        if lost + unwritten > 0 {
            tracing::warn!("the journal file lacks {}", pluralize(lost + unwritten, "request"));
        }
    }
}

/// Writes entries until the end of the file, and flushes whenever the queue is empty. Logs the first error only.
fn write_entries(file: File, entries: &Receiver<Option<Arc<Entry>>>, counts: &Counts) {
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
        counts.queued.fetch_sub(1, Ordering::Relaxed);
        counts.queued_bytes.fetch_sub(entry.memory_bytes(), Ordering::Relaxed);
        check(write_lost(&mut file, &counts.lost));
        next = entries.try_recv().unwrap_or_else(|_| {
            check(file.flush());
            entries.recv().ok().flatten()
        });
    }
    check(write_lost(&mut file, &counts.lost));
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
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::world::journal::{DEFAULT_BODY_BYTES, EntryDraft};

    #[test]
    fn a_file_that_is_not_written_loses_entries_and_records_how_many() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let entry = |number| Arc::new(EntryDraft::default().into_entry(number, DEFAULT_BODY_BYTES));
        // Nobody reads yet, so the pipe and then the queue fill up.
        let file =
            JournalFile::start(File::from(OwnedFd::from(writer)), 100 * entry(0).memory_bytes()).expect("a thread");
        let all = 5000;
        (1..=all).for_each(|number| file.write(entry(number)));
        let lines = thread::scope(|scope| {
            let lines = scope.spawn(|| {
                let lines = BufReader::new(reader).lines();
                let values = lines.map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"));
                values.collect::<Vec<_>>()
            });
            file.finish(Instant::now() + Duration::from_secs(60));
            drop(file);
            lines.join().expect("it read to the end")
        });
        let lost: u64 = lines.iter().filter_map(|line| line["lost"].as_u64()).sum();
        let written = lines.iter().filter(|line| line["number"].is_u64()).count() as u64;
        assert!(lost > 0 && written >= 100, "{lost} lost, {written} written");
        assert_eq!(written + lost, all);
    }
}
