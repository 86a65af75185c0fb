//! The upper floor: the vendor's surface and our own, as HTTP speaks of them. The only actix in the library.
//!
//! A request is [recorded](middleware::enter), finds its path [on one page](paths), is admitted and meets its handler. The questions come in this order: unknown path 404, method 405, not emulated 501; then who is
//! calling 401, how often 429; then the body 415, 413, 400. A fault strikes before it is asked who is calling.

mod access_tokens;
pub(crate) mod body;
pub(crate) mod control;
mod customer_events;
pub(crate) mod customers;
mod error;
mod exchange;
mod faults;
mod middleware;
mod outgoing;
mod paths;
#[cfg(any(test, feature = "internals"))]
pub(crate) mod worker;

use std::any::Any;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actix_web::dev::{Extensions, Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use actix_web::{App, Error, HttpServer};

use crate::platform::Socket;
use crate::world::World;
use body::ReadTimeout;
use control::access::Access;

/// How long an idle connection is kept: longer than clients pool theirs, so that none is cut in a client's hand.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How much of an answer a connection takes before it writes: an ordinary page is written at once. A connection keeps as much.
const WRITE_BUFFER_BYTES: usize = 128 * 1024;

/// A server on a thread of its own.
#[derive(Debug)]
pub(crate) struct Running {
    server: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Serves a world on sockets that are bound already; connections are taken when this returns.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had, or a socket cannot be listened on.
    pub fn start(
        world: Arc<World>,
        access: Access,
        read_timeout: Duration,
        sockets: Vec<TcpListener>,
        workers: usize,
    ) -> io::Result<Running> {
        let (tell, told) = mpsc::channel();
        let serve = async move {
            let server = serve(world, access, read_timeout, sockets, workers)?;
            // Nobody listens only if the starter is gone, and then nobody asks.
            let _ = tell.send(server.handle());
            server.await
        };
        let thread = thread::Builder::new().name("yotpo-mock".to_owned());
        let thread = thread.spawn(move || actix_web::rt::System::new().block_on(serve))?;
        match told.recv() {
            Ok(server) => Ok(Running {
                server,
                thread: Some(thread),
            }),
            Err(_) => Err(match thread.join() {
                Ok(Err(error)) => error,
                _ => io::Error::other("it panicked"),
            }),
        }
    }

    /// Takes no more connections; what is open goes on.
    pub fn pause(&self) {
        // It only asks the server; what it gives back need not be waited for.
        drop(self.server.pause());
    }

    /// Ends it, cutting what is under way, and waits until it has ended.
    pub fn end(&mut self) {
        // The future only tells when it is done, and joining the thread tells the same.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            // A server that failed has been told by its thread's panic; an end must not add another.
            let _ = thread.join();
        }
    }
}

fn serve(
    world: Arc<World>,
    access: Access,
    read_timeout: Duration,
    sockets: Vec<TcpListener>,
    workers: usize,
) -> io::Result<Server> {
    let world = Data::from(world);
    let access = Data::new(access);
    let started = Data::new(control::Started(Instant::now()));
    let app = move || app(world.clone(), access.clone(), started.clone(), read_timeout);
    let server = HttpServer::new(app)
        .workers(workers)
        .keep_alive(KEEP_ALIVE)
        .h1_write_buffer_size(WRITE_BUFFER_BYTES)
        .client_request_timeout(read_timeout)
        .on_connect(on_connect)
        .disable_signals();
    let server = sockets.into_iter().try_fold(server, HttpServer::listen)?;
    Ok(server.run())
}

/// What every worker runs.
fn app(
    world: Data<World>,
    access: Data<Access>,
    started: Data<control::Started>,
    read_timeout: Duration,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    App::new()
        .app_data(world)
        .app_data(started)
        .app_data(access)
        .app_data(Data::new(ReadTimeout(read_timeout)))
        .service(control::scope())
        .wrap(from_fn(middleware::enter))
}

/// What is done with each connection when it is accepted.
fn on_connect(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    // Without this a pipelining client's answers wait for its acknowledgements, 40 ms each time. A socket that takes no option
    // is about to fail by itself.
    let _ = stream.set_nodelay(true);
    extensions.insert(Socket::of(stream));
}
