//! The log on stderr, written by a thread of its own: whoever starts the emulator and never reads its stderr must not
//! stop it from answering.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How many lines wait to be written; what comes while they do is dropped, and counted.
const CAPACITY: usize = 4096;

/// How long the last lines may take when the emulator stops.
const LAST_LINES: Duration = Duration::from_millis(100);

/// Takes the lines of the log; each writer is one line.
#[derive(Clone)]
pub struct Lines {
    sender: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// What is left to do when the log is no longer written to.
pub struct Rest {
    lines: SyncSender<Vec<u8>>,
    /// Told when the thread has written everything.
    done: Receiver<()>,
}

/// Starts the thread.
///
/// # Errors
///
/// If there is none to be had.
pub fn start() -> io::Result<(Lines, Rest)> {
    let (sender, receiver) = sync_channel::<Vec<u8>>(CAPACITY);
    let (tell, done) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let lines = Lines {
        sender: sender.clone(),
        dropped: dropped.clone(),
    };
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        let mut stderr = io::stderr();
        // An empty line is no line of the log: it says that no other comes.
        while let Ok(line) = receiver.recv()
            && !line.is_empty()
        {
            // A log that cannot be written has nobody to be told to.
            let _ = stderr.write_all(&line);
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ = writeln!(stderr, "{lost} lines of the log were dropped: nobody read them in time");
            }
        }
        let _ = tell.send(());
    })?;
    Ok((lines, Rest { lines: sender, done }))
}

impl Drop for Rest {
    /// Waits until the last line is written, but not for ever.
    fn drop(&mut self) {
        if self.lines.try_send(Vec::new()).is_ok() {
            // Late or not, the process ends now.
            let _ = self.done.recv_timeout(LAST_LINES);
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: self,
            text: Vec::new(),
        }
    }
}

/// One line of the log, handed over when it is whole.
pub struct Line<'a> {
    lines: &'a Lines,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() && self.lines.sender.try_send(text).is_err() {
            self.lines.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
