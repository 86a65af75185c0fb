//! Overload: slow clients, clients that leave, many connections, few descriptors, and large malformed input.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::malformed_request::request;
use crate::support::{Connection, Emulator, customers};

/// An emulator with a page of 10 MB, which is more than the socket buffers hold.
fn with_a_large_page() -> Emulator {
    Emulator::undeclared_with(|builder| builder.seed(large_seed(100_000)))
}

fn large_seed(bytes_each: usize) -> String {
    let one = |at: usize| json!({"external_id": format!("c-{at}"), "tags": "x".repeat(bytes_each)});
    json!({"stores": [{"id": "shop", "customers": (0..100).map(one).collect::<Vec<_>>()}]}).to_string()
}

/// A store without large customers.
const ELSEWHERE: &str = "/core/v3/stores/elsewhere/customers";

#[test]
fn a_slow_reader_gets_the_whole_page_and_delays_no_other_client() {
    let emulator = with_a_large_page();
    let mut connection = Connection::open(emulator.address());
    connection.send(request("GET", &customers(""), "", ""));
    let mut others = 0;
    let page = connection.response_in_chunks(200_000, || {
        assert_eq!(emulator.get(ELSEWHERE).status(), 200);
        others += 1;
    });
    let page = page.expect("an answer");
    assert!(page.body.ends_with(br#""pagination":{"next_page_info":null}}"#));
    assert!(others > 50);
}

#[test]
fn clients_that_never_read_delay_neither_others_nor_the_stop() {
    let emulator = with_a_large_page();
    let mut connections: Vec<_> = (0..5).map(|_| Connection::open(emulator.address())).collect();
    for connection in &mut connections {
        connection.send(request("GET", &customers(""), "", ""));
        connection.read_exact(&mut [0; 100]).expect("an answer begins");
    }
    for _ in 0..20 {
        assert_eq!(emulator.get(ELSEWHERE).status(), 200);
    }
    let stopped = Instant::now();
    emulator.mock.stop(Duration::from_millis(100)).expect("there is no state to save");
    assert!(stopped.elapsed() < Duration::from_secs(10));
}

#[test]
fn clients_that_disconnect_during_a_response_are_dropped() {
    let emulator = with_a_large_page();
    for _ in 0..20 {
        let mut connection = Connection::open(emulator.address());
        connection.send(request("GET", &customers(""), "", ""));
        connection.read_exact(&mut [0; 100]).expect("an answer begins");
    }
    assert_eq!(emulator.get(ELSEWHERE).status(), 200);
    let stopped = Instant::now();
    emulator.mock.stop(Duration::from_secs(60)).expect("there is no state to save");
    assert!(stopped.elapsed() < Duration::from_secs(20), "no response is still in flight");
}

/// Tests that need a process with its own limits.
#[cfg(all(feature = "cli", unix))]
mod process {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::process::{Process, file};

    #[test]
    fn a_signal_under_load_truncates_no_response() {
        // Much more than the socket buffers hold, and little enough to be sent within the grace period.
        let seed = file("load.json", &large_seed(50_000));
        let process = Process::with(&["--quiet", "--seed", seed.to_str().expect("UTF-8")]);
        let (sender, receiver) = mpsc::channel();
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let (mut connection, sender) = (Connection::open(process.address()), sender.clone());
                thread::spawn(move || {
                    connection.send(request("GET", &customers(""), "", ""));
                    // A truncated response panics; a close between two responses ends the loop.
                    while let Some(page) = connection.response() {
                        assert_eq!(page.status(), 200);
                        sender.send(()).expect("the receiver outlives the clients");
                        connection.send(request("GET", &customers(""), "", ""));
                    }
                })
            })
            .collect();
        for _ in 0..2 * clients.len() {
            receiver.recv().expect("the clients go on");
        }
        let signalled = Instant::now();
        let (code, _, log) = process.stop("TERM");
        assert_eq!((code, &*log), (Some(0), ""));
        assert!(signalled.elapsed() < Duration::from_secs(10));
        for client in clients {
            client.join().expect("every response was complete");
        }
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use std::fs;
        use std::net::{SocketAddr, TcpStream};

        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        use super::*;
        use crate::malformed_request::{chunked, patch};
        use crate::process::yotpo_mock_with_limit;

        /// The system's limit for connections that wait to be accepted.
        fn max_backlog() -> usize {
            let text = fs::read_to_string("/proc/sys/net/core/somaxconn").expect("it is there");
            text.trim().parse().expect("a number")
        }

        fn address(process: &Process) -> SocketAddr {
            process.address().parse().expect("an address")
        }

        /// Asserts that a new connection is served.
        fn assert_serves(address: SocketAddr) {
            let response = Connection::open(address).get(ELSEWHERE).expect("an answer");
            assert_eq!(response.status(), 200);
        }

        /// Raises the limit of file descriptors to the maximum, and returns it.
        fn raise_descriptors() -> usize {
            let maximum = getrlimit(Resource::Nofile).maximum;
            let raised = Rlimit { current: maximum, maximum };
            setrlimit(Resource::Nofile, raised).expect("the soft limit may be as high as the hard one");
            maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).expect("64 bits"))
        }

        /// The resident memory of a process, in bytes.
        fn resident_bytes(process: &Process) -> usize {
            let status = fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
            let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
            kibibytes * 1024
        }

        /// The processor time of a process.
        fn cpu_time(process: &Process) -> Duration {
            let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("it runs");
            let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
            let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
            // A tick is a hundredth of a second on every Linux.
            Duration::from_millis(10 * ticks.sum::<u64>())
        }

        #[test]
        fn ten_thousand_idle_connections_do_not_block_others() {
            // The other half is for the tests that run in parallel.
            let count = (raise_descriptors() / 2).min(10_000);
            let process = Process::with(&["--quiet", "--read-timeout", "60s"]);
            let address = address(&process);
            let mut idle: Vec<_> = (0..count).map(|_| Connection::open(address)).collect();
            for connection in idle.iter_mut().skip(1).step_by(2) {
                assert_eq!(connection.get(ELSEWHERE).expect("an answer").status(), 200);
            }
            assert_serves(address);
            let descriptors = fs::read_dir(format!("/proc/{}/fd", process.id())).expect("it runs");
            assert!(descriptors.count() > count, "the earlier connections are open");
            for connection in idle.iter_mut().step_by(100) {
                assert_eq!(
                    connection.get(ELSEWHERE).expect("an answer").status(),
                    200,
                    "an idle connection stays open"
                );
            }
            drop(idle);
            assert_serves(address);
            assert_eq!(process.stop("TERM").0, Some(0));
        }

        #[test]
        fn a_thousand_clients_connect_at_once() {
            let process = Process::with(&["--quiet"]);
            let address = address(&process);
            let count = max_backlog().min(raise_descriptors() / 2).min(1000);
            // While it is paused, connections wait in the backlog, and those beyond it fail.
            process.signal("STOP");
            let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok();
            let waiting: Vec<_> = (0..count).map_while(connect).collect();
            process.signal("CONT");
            assert_eq!(waiting.len(), count);
            for socket in waiting {
                let mut connection = Connection::on(socket);
                assert_eq!(connection.get(ELSEWHERE).expect("an answer").status(), 200);
            }
        }

        #[test]
        fn without_free_descriptors_it_waits_and_then_goes_on() {
            let arguments = ["--port", "0", "--quiet", "--read-timeout", "1s"];
            let process = Process::start(yotpo_mock_with_limit("-n 64", &arguments));
            let address = address(&process);

            let mut early = Connection::open(address);
            assert_eq!(early.get(ELSEWHERE).expect("an answer").status(), 200);
            let (started, cpu_before) = (Instant::now(), cpu_time(&process));
            let mut silent: Vec<_> = (0..100).map(|_| Connection::open(address)).collect();
            assert_eq!(early.get(ELSEWHERE).expect("an open connection is served").status(), 200);
            // The accepted but silent connections time out, which frees their descriptors.
            assert_eq!(silent[0].response().expect("an answer").status(), 408);
            let (waited, worked) = (started.elapsed(), cpu_time(&process) - cpu_before);
            assert!(worked < waited / 4, "it worked for {worked:?} of {waited:?}");
            assert_eq!(silent[99].get(ELSEWHERE).expect("a waiting connection is accepted").status(), 200);

            drop(silent);
            assert_serves(address);
            let (code, _, log) = process.stop("TERM");
            assert_eq!(code, Some(0));
            let warnings = log.matches("cannot accept connections for now").count();
            assert_eq!(warnings, 1, "{log}");
        }

        #[test]
        fn malformed_input_of_any_size_leaks_no_memory() {
            let process = Process::with(&["--quiet"]);
            let address = address(&process);
            assert_serves(address);
            let before = resident_bytes(&process);

            let limit = yotpo_mock::DEFAULT_BODY_LIMIT;
            let too_large = " ".repeat(limit + 1);
            let too_deep = "[".repeat(limit);
            let body = |body: &str| patch(&format!("Content-Length: {}\r\n", body.len()), body);
            let kinds = [
                (100, 413, body(&too_large)),
                (100, 413, patch("Transfer-Encoding: chunked\r\n", &chunked(&too_large))),
                (20, 400, body(&too_deep)),
                (500, 431, patch(&"X-Again: and again\r\n".repeat(200), "")),
                (500, 431, patch(&format!("X-A: {}\r\n", "a".repeat(128 * 1024)), "")),
                (500, 401, patch(&"X-Yotpo-Token: \r\n".repeat(90), "").replacen("any", "", 1)),
                (1000, 405, request(&"M".repeat(100_000), &customers(""), "", "")),
                (50, 404, request("GET", &format!("/{}", "a".repeat(60_000)), "", "")),
            ];
            for (times, status, bytes) in &kinds {
                for _ in 0..*times {
                    let mut connection = Connection::open(address);
                    connection.send(bytes);
                    assert_eq!(connection.response().expect("an answer").status(), *status);
                }
            }
            let after = resident_bytes(&process);
            assert!(after < before + 32 * 1024 * 1024, "{before} bytes became {after}");
            assert_serves(address);
        }
    }
}
