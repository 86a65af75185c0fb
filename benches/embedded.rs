//! What an emulator costs a Rust test: its start, its first request and its drop, beside a bare actix-web server that answers
//! static bytes; and a store of its own on an emulator that is shared. Reported, never judged.
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
    // By turns, so that both meet the same moments of the machine.
    for _ in 0..ROUNDS {
        bare.push(timed(one_bare));
        mock.push(timed(one_mock));
    }
    let yotpo = YotpoMock::shared();
    let stores = (0..ROUNDS).map(|_| timed(|| one_store(yotpo))).collect();
    println!("| start, first request and drop | median | 9 of 10 within |");
    println!("|---|---:|---:|");
    let bare = report("bare actix-web", bare);
    let mock = report("yotpo-mock", mock);
    report("a store with a customer on a shared yotpo-mock, and its reset", stores);
    println!(
        "\nyotpo-mock takes {:.2} times what bare actix-web takes",
        mock.as_secs_f64() / bare.as_secs_f64()
    );
}

fn one_mock() {
    let yotpo = YotpoMock::start();
    let address = yotpo.url().trim_start_matches("http://").parse().expect("an address");
    ask(address, "/core/v3/stores/shop/customers");
}

fn one_bare() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    let (tell, told) = mpsc::channel();
    let serve = async move {
        let server = HttpServer::new(|| App::new().route("/", web::get().to(async || HttpResponse::Ok().body("{}"))));
        let server = server.workers(1).disable_signals().listen(socket)?.run();
        tell.send(server.handle()).expect("somebody listens");
        server.await
    };
    let thread = thread::spawn(move || actix_web::rt::System::new().block_on(serve));
    let handle = told.recv().expect("it starts");
    ask(address, "/");
    drop(handle.stop(false));
    thread.join().expect("it does not panic").expect("it serves");
}

fn one_store(yotpo: &YotpoMock) {
    let store = yotpo.new_store();
    store.seed([Customer::builder().external_id("c-1").build()]);
    store.reset();
}

fn ask(address: SocketAddr, path: &str) {
    let mut socket = TcpStream::connect(address).expect("it listens");
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n\r\n"
    )
    .expect("it reads");
    let mut answer = [0; 4096];
    let read = socket.read(&mut answer).expect("it answers");
    assert!(answer[..read].starts_with(b"HTTP/1.1 200 OK"));
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// Prints a line; gives the median.
fn report(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!("| {what} | {median:.2?} | {:.2?} |", times[times.len() * 9 / 10]);
    median
}
