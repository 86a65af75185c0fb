//! What stops an emulator: a signal, or the end of stdin.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::oneshot;

/// The end of stdin, which a parent process holds open for as long as it lives.
pub struct StdinEnd(oneshot::Receiver<()>);

impl StdinEnd {
    /// Reads stdin from now on. If it ends during the start, the process exits at once: reading the seeds may take long.
    pub fn watch(is_starting: Arc<AtomicBool>) -> io::Result<StdinEnd> {
        let (sender, receiver) = oneshot::channel();
        thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            // A stdin that cannot be read has no parent at its other end.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            if is_starting.load(Ordering::SeqCst) {
                std::process::exit(1);
            }
            let _ = sender.send(());
        })?;
        Ok(StdinEnd(receiver))
    }
}

/// Waits for the first signal, or for the end of stdin.
pub async fn wait(signals: StopSignals, stdin: Option<StdinEnd>) {
    let stdin_end = async {
        match stdin {
            Some(StdinEnd(ended)) => drop(ended.await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = signals.wait() => {}
        () = stdin_end => tracing::info!("stdin was closed: stopping"),
    }
}

#[cfg(unix)]
pub struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    pub fn catch() -> io::Result<StopSignals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(StopSignals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the first of them.
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

#[cfg(not(unix))]
pub struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    pub fn catch() -> io::Result<StopSignals> {
        Ok(StopSignals)
    }

    async fn wait(self) {
        // Where Ctrl-C cannot be caught, only killing the process ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
