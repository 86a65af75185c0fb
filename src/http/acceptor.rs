//! The acceptor: takes connections and deals them out to the threads that serve.

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

/// How long to wait where the next connection cannot be taken, as without a descriptor for it.
const BREATH: Duration = Duration::from_millis(100);

/// What the threads are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nobody else is let in.
    Paused,
    Ended,
}

/// A server on threads of its own.
#[derive(Debug)]
pub(crate) struct ServerHandle {
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
}

/// Where a thread has its connections from.
enum Source {
    /// It takes them all, and hands the others theirs.
    Sockets(Vec<TcpListener>, Vec<UnboundedSender<std::net::TcpStream>>),
    Handed(UnboundedReceiver<std::net::TcpStream>),
}

impl ServerHandle {
    /// Serves on sockets that are bound already, with so many threads; connections are taken when this returns.
    ///
    /// # Errors
    ///
    /// If there is no thread or no descriptor to be had, or a socket cannot be listened on.
    pub fn start(server_state: &ServerState, sockets: Vec<TcpListener>, workers: usize) -> io::Result<ServerHandle> {
        let (phase, told) = watch::channel(Phase::Open);
        // Whatever is begun before an error is ended when this is dropped.
        let mut running = ServerHandle {
            phase,
            threads: Vec::with_capacity(workers),
        };
        let (tell, started) = mpsc::channel();
        let (hand, handed): (Vec<_>, Vec<_>) = (1..workers).map(|_| unbounded_channel()).unzip();
        let first = Source::Sockets(sockets, hand);
        for source in [first].into_iter().chain(handed.into_iter().map(Source::Handed)) {
            let (server_state, told, tell) = (server_state.clone(), told.clone(), tell.clone());
            let thread = thread::Builder::new().name("yotpo-mock".to_owned());
            let thread = thread.spawn(move || serve(server_state, source, told, &tell))?;
            running.threads.push(thread);
        }
        drop(tell);
        for _ in 0..workers {
            started
                .recv()
                .unwrap_or_else(|_| Err(io::Error::other("it panicked")))?;
        }
        Ok(running)
    }

    /// Takes no more connections; what is open goes on.
    pub fn pause(&self) {
        self.phase.send_replace(Phase::Paused);
    }

    /// Ends it, cutting what is under way, and waits until it has ended.
    pub fn end(&mut self) {
        self.phase.send_replace(Phase::Ended);
        for thread in self.threads.drain(..) {
            // A thread that failed has been told by its panic; an end must not add another.
            let _ = thread.join();
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a thread does from its start to its end.
fn serve(
    server_state: ServerState,
    source: Source,
    phase: watch::Receiver<Phase>,
    tell: &mpsc::Sender<io::Result<()>>,
) {
    // Nobody listens only if the starter is gone, and then nobody asks.
    let tell = |how| drop(tell.send(how));
    match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let tasks = LocalSet::new();
            if let Err(error) = tasks.block_on(&runtime, until_ended(server_state, source, phase, || tell(Ok(())))) {
                tell(Err(error));
            }
            drop(tasks);
            // A name that is still being looked up holds nobody up.
            runtime.shutdown_background();
        }
        Err(error) => tell(Err(error)),
    }
}

async fn until_ended(
    server_state: ServerState,
    source: Source,
    mut phase: watch::Receiver<Phase>,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let server = Rc::new(Server::new(server_state));
    match source {
        Source::Sockets(sockets, others) => {
            let sockets = sockets.into_iter().map(|socket| {
                socket.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(socket)
            });
            let sockets: Rc<[_]> = sockets.collect::<io::Result<_>>()?;
            let accepting = spawn_local(accept(server, sockets.clone(), others));
            ready();
            // The sender is gone only where nobody can end it otherwise.
            let _ = phase.wait_for(|phase| *phase != Phase::Open).await;
            accepting.abort();
        }
        Source::Handed(mut handed) => {
            spawn_local(async move {
                while let Some(stream) = handed.recv().await {
                    // One that cannot be registered has failed already.
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        spawn_local(server.clone().serve(stream));
                    }
                }
            });
            ready();
        }
    }
    let _ = phase.wait_for(|phase| *phase == Phase::Ended).await;
    Ok(())
}

/// Takes connections and deals them out by turns.
async fn accept(
    server: Rc<Server>,
    sockets: Rc<[tokio::net::TcpListener]>,
    others: Vec<UnboundedSender<std::net::TcpStream>>,
) {
    let mut turns = (0..=others.len()).cycle();
    let mut is_warned = false;
    loop {
        let next = poll_fn(|context| {
            let mut next = sockets.iter().map(|socket| socket.poll_accept(context));
            next.find(Poll::is_ready).unwrap_or(Poll::Pending)
        });
        match next.await {
            Ok((stream, _)) => {
                // Without this a pipelining client's answers wait for its acknowledgements, 40 ms each time. A socket that takes
                // no option is about to fail by itself.
                let _ = stream.set_nodelay(true);
                let turn = turns.next().expect("there is always a next turn");
                match turn.checked_sub(1).map(|other| &others[other]) {
                    None => drop(spawn_local(server.clone().serve(stream))),
                    // A thread that has ended by a panic serves nobody: the client finds the connection closed.
                    Some(other) => drop(stream.into_std().map(|stream| other.send(stream))),
                }
            }
            // It has gone while it waited.
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                if !is_warned {
                    let hint = if is_out_of_descriptors(&error) {
                        "`ulimit -n` raises the limit of open descriptors"
                    } else {
                        "look at the limits of this process and of the system"
                    };
                    tracing::warn!("no further connection can be taken for now, and they wait: {error}; {hint}");
                    is_warned = true;
                }
                sleep(BREATH).await;
            }
        }
    }
}

/// Whether it was a client's doing that a connection was not taken.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
