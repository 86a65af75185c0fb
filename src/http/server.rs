//! The server: accepts connections and distributes them over its threads.

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use super::ServerState;
use super::connection::Server;
use crate::os::is_out_of_descriptors;

/// How long to wait after a connection could not be accepted, for example for lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// What the threads do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Accepting,
    /// No connection is accepted; the open ones are served.
    Draining,
    Stopped,
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct ServerHandle {
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
}

/// Where a thread gets its connections.
enum ConnectionSource {
    /// It accepts all connections and passes the other threads theirs.
    Listeners(Vec<TcpListener>, Vec<UnboundedSender<std::net::TcpStream>>),
    Queue(UnboundedReceiver<std::net::TcpStream>),
}

impl ServerHandle {
    /// Serves on bound sockets with the given number of threads. When this returns, connections are accepted.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started, or a socket cannot be registered.
    pub fn start(state: &ServerState, sockets: Vec<TcpListener>, workers: usize) -> io::Result<ServerHandle> {
        let (phase, phases) = watch::channel(Phase::Accepting);
        // On an error, dropping this stops the threads that have started.
        let mut running = ServerHandle { phase, threads: Vec::with_capacity(workers) };
        let (report, started) = mpsc::channel();
        let (senders, queues): (Vec<_>, Vec<_>) = (1..workers).map(|_| unbounded_channel()).unzip();
        let first = ConnectionSource::Listeners(sockets, senders);
        for source in [first].into_iter().chain(queues.into_iter().map(ConnectionSource::Queue)) {
            let (state, phases, report) = (state.clone(), phases.clone(), report.clone());
            let thread = thread::Builder::new().name("yotpo-mock".to_owned());
            let thread = thread.spawn(move || run_thread(state, source, phases, &report))?;
            running.threads.push(thread);
        }
        drop(report);
        for _ in 0..workers {
            started.recv().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))?;
        }
        Ok(running)
    }

    /// Stops accepting connections; open ones are still served.
    pub fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Closes all connections and waits for the threads to end.
    pub fn stop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        for thread in self.threads.drain(..) {
            // A panic of the thread was printed already, and stopping must not add another.
            let _ = thread.join();
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs one thread until the server stops.
fn run_thread(
    state: ServerState,
    source: ConnectionSource,
    phase: watch::Receiver<Phase>,
    report: &mpsc::Sender<io::Result<()>>,
) {
    // If the receiver is gone, the start has failed already.
    let report = |result| drop(report.send(result));
    match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let tasks = LocalSet::new();
            if let Err(error) = tasks.block_on(&runtime, serve_until_stopped(state, source, phase, || report(Ok(())))) {
                report(Err(error));
            }
            drop(tasks);
            // Does not wait for a name that is still being resolved.
            runtime.shutdown_background();
        }
        Err(error) => report(Err(error)),
    }
}

async fn serve_until_stopped(
    state: ServerState,
    source: ConnectionSource,
    mut phase: watch::Receiver<Phase>,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let server = Rc::new(Server::new(state));
    match source {
        ConnectionSource::Listeners(sockets, queues) => {
            let sockets = sockets.into_iter().map(|socket| {
                socket.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(socket)
            });
            let sockets: Rc<[_]> = sockets.collect::<io::Result<_>>()?;
            let accepting = spawn_local(accept(server, sockets.clone(), queues));
            ready();
            // An error means that the handle is gone, which stops the server as well.
            let _ = phase.wait_for(|phase| *phase != Phase::Accepting).await;
            accepting.abort();
        }
        ConnectionSource::Queue(mut queue) => {
            spawn_local(async move {
                while let Some(stream) = queue.recv().await {
                    // A connection that cannot be registered has failed already.
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        spawn_local(server.clone().serve(stream));
                    }
                }
            });
            ready();
        }
    }
    let _ = phase.wait_for(|phase| *phase == Phase::Stopped).await;
    Ok(())
}

/// Accepts connections and distributes them round robin.
async fn accept(
    server: Rc<Server>,
    sockets: Rc<[tokio::net::TcpListener]>,
    queues: Vec<UnboundedSender<std::net::TcpStream>>,
) {
    let mut turns = (0..=queues.len()).cycle();
    let mut is_warned = false;
    loop {
        let next = poll_fn(|context| {
            let mut next = sockets.iter().map(|socket| socket.poll_accept(context));
            next.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        match next.await {
            Ok((stream, _)) => {
                // Otherwise the responses to a pipelining client wait for its acknowledgements, 40 ms each. If it fails, so will
                // the connection.
                let _ = stream.set_nodelay(true);
                let turn = turns.next().expect("there is an endless cycle");
                match turn.checked_sub(1).map(|other| &queues[other]) {
                    None => drop(spawn_local(server.clone().serve(stream))),
                    // If the thread has panicked, the client sees a closed connection.
                    Some(queue) => drop(stream.into_std().map(|stream| queue.send(stream))),
                }
            }
            // The client has gone while it waited.
            Err(error) if is_caused_by_client(&error) => {}
            Err(error) => {
                if !is_warned {
                    let hint = if is_out_of_descriptors(&error) {
                        "`ulimit -n` raises the limit of open descriptors"
                    } else {
                        "check the limits of this process and of the system"
                    };
                    tracing::warn!("cannot accept connections for now, so they wait: {error}; {hint}");
                    is_warned = true;
                }
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Whether a connection could not be accepted because its client has gone.
fn is_caused_by_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
