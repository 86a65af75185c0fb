//! The time that an emulator adds to a Rust test: start, first request and drop, compared with an actix-web server that returns
//! static bytes; and the time of a new store on a shared emulator. It is reported only.
//!
//! `cargo bench --bench embedded`

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use yotpo_mock::{Customer, YotpoMock};

const ROUNDS: usize = 501;

fn main() {
    let (mut bare, mut mock) = (Vec::new(), Vec::new());
    // In turn, so that a slow moment of the machine affects both.
    for _ in 0..ROUNDS {
        bare.push(time(start_actix));
        mock.push(time(start_mock));
    }
    let yotpo = YotpoMock::shared();
    let stores = (0..ROUNDS).map(|_| time(|| use_store(yotpo))).collect();
    println!("| start, first request and drop | median | 9 of 10 within |");
    println!("|---|---:|---:|");
    let bare = report("bare actix-web", bare);
    let mock = report("yotpo-mock", mock);
    report("a store with a customer on a shared yotpo-mock, and its reset", stores);
    println!("\nyotpo-mock takes {:.2} times what bare actix-web takes", mock.as_secs_f64() / bare.as_secs_f64());
}

fn start_mock() {
    let yotpo = YotpoMock::start();
    let address = yotpo.url().trim_start_matches("http://").parse().expect("an address");
    get(address, "/core/v3/stores/shop/customers");
}

fn start_actix() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("the socket is bound");
    let (sender, receiver) = mpsc::channel();
    let serve = async move {
        let server = HttpServer::new(|| App::new().route("/", web::get().to(async || HttpResponse::Ok().body("{}"))));
        let server = server.workers(1).disable_signals().listen(socket)?.run();
        sender.send(server.handle()).expect("the receiver waits");
        server.await
    };
    let thread = thread::spawn(move || actix_web::rt::System::new().block_on(serve));
    let handle = receiver.recv().expect("the server starts");
    get(address, "/");
    drop(handle.stop(false));
    thread.join().expect("the thread does not panic").expect("the server runs");
}

fn use_store(yotpo: &YotpoMock) {
    let store = yotpo.new_store();
    store.seed([Customer::builder().external_id("c-1").build()]);
    store.reset();
}

fn get(address: SocketAddr, path: &str) {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n\r\n").expect("the server reads");
    let mut response = [0; 4096];
    let read = socket.read(&mut response).expect("the server responds");
    assert!(response[..read].starts_with(b"HTTP/1.1 200 OK"));
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Prints a line and returns the median.
fn report(name: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!("| {name} | {median:.2?} | {:.2?} |", times[times.len() * 9 / 10]);
    median
}
