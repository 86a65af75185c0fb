//! The log on stderr, written by its own thread: a parent process that never reads stderr must not block the emulator.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The number of lines that can wait for the thread; further ones are dropped and counted.
const CAPACITY: usize = 4096;

/// The time to write the last lines when the emulator stops.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(100);

/// Sends lines to the log thread.
#[derive(Clone)]
pub struct LogWriter {
    sender: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// Flushes the log on drop.
pub struct LogGuard {
    sender: SyncSender<Vec<u8>>,
    /// Receives a message when the thread has written everything.
    done: Receiver<()>,
}

/// Starts the log thread.
pub fn start() -> io::Result<(LogWriter, LogGuard)> {
    let (sender, receiver) = sync_channel::<Vec<u8>>(CAPACITY);
    let (done_sender, done) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let writer = LogWriter { sender: sender.clone(), dropped: dropped.clone() };
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        let mut stderr = io::stderr();
        // The guard sends an empty line as the end of the log.
        while let Ok(line) = receiver.recv()
            && !line.is_empty()
        {
            // There is nowhere to report that stderr is closed.
            let _ = stderr.write_all(&line);
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ = writeln!(stderr, "{lost} log lines were dropped because stderr was not read in time");
            }
        }
        let _ = done_sender.send(());
    })?;
    Ok((writer, LogGuard { sender, done }))
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if self.sender.try_send(Vec::new()).is_ok() {
            // After the timeout, the process ends without the last lines.
            let _ = self.done.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine { writer: self, text: Vec::new() }
    }
}

/// One line of the log, sent to the thread on drop.
pub struct LogLine<'a> {
    writer: &'a LogWriter,
    text: Vec<u8>,
}

impl Write for LogLine<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() && self.writer.sender.try_send(text).is_err() {
            self.writer.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
