//! The emulator as a value: how it starts and stops.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use yotpo_mock::{Fault, Operation, YotpoMock};

use crate::support::{Emulator, NOW, customers};

#[test]
fn an_emulator_stops_when_it_is_dropped() {
    let emulator = Emulator::undeclared();
    let address = emulator.address();
    drop(emulator);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn emulators_are_independent() {
    many(10);
}

#[test]
fn a_stop_waits_for_a_response_that_is_being_sent() {
    let one = |at: usize| json!({"external_id": format!("c-{at}"), "tags": "x".repeat(300_000)});
    let seed = json!({"stores": [{"id": "shop", "customers": (0..100).map(one).collect::<Vec<_>>()}]});
    let emulator = Emulator::undeclared_with(|builder| builder.seed(seed.to_string()));
    let address = emulator.address();
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {} HTTP/1.1\r\nHost: x\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\r\n", customers(""))
        .unwrap();
    let mut response = vec![0; 1000];
    socket.read_exact(&mut response).unwrap();
    let head = String::from_utf8_lossy(&response).into_owned();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let body = response.len() - head.find("\r\n\r\n").unwrap() - 4;
    let mut rest = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| emulator.mock.stop(Duration::from_secs(20)));
        rest = socket.read_to_end(&mut response).unwrap();
    });
    assert_eq!(body + rest, length);
}

#[test]
fn a_stop_waits_for_a_state_that_is_being_sent() {
    let one = |at: usize| json!({"external_id": format!("c-{at}"), "tags": "x".repeat(300_000)});
    let seed = json!({"stores": [{"id": "shop", "customers": (0..100).map(one).collect::<Vec<_>>()}]});
    let emulator = Emulator::undeclared_with(|builder| builder.seed(seed.to_string()));
    let mut socket = TcpStream::connect(emulator.address()).unwrap();
    write!(socket, "GET /_mock/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = vec![0; 1000];
    socket.read_exact(&mut response).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| emulator.mock.stop(Duration::from_secs(20)));
        socket.read_to_end(&mut response).unwrap();
    });
    assert!(response.len() > 100 * 300_000);
    assert!(response.ends_with(b"\r\n0\r\n\r\n"), "the last chunk is there");
}

#[test]
#[should_panic(expected = "a clock is not advanced beyond the year 9000")]
fn time_does_not_advance_beyond_what_can_be_told() {
    YotpoMock::builder().frozen_at(NOW.parse().unwrap()).start().advance(Duration::MAX);
}

/// Starts an emulator, uses it and drops it.
fn one_is_used() {
    let emulator = Emulator::undeclared();
    emulator.upsert(json!({"external_id": "c-1"}));
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1"]);
}

#[tokio::test]
async fn an_emulator_runs_inside_a_tokio_runtime_of_one_thread() {
    one_is_used();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emulator_runs_inside_a_tokio_runtime_of_many_threads() {
    let tasks: Vec<_> = (0..4).map(|_| tokio::spawn(async { one_is_used() })).collect();
    for task in tasks {
        task.await.expect("it does not panic");
    }
    one_is_used();
}

#[actix_rt::test]
async fn an_emulator_runs_inside_an_actix_system() {
    one_is_used();
}

#[test]
fn an_emulator_runs_inside_smol() {
    smol::block_on(async { smol::spawn(async { one_is_used() }).await });
}

#[test]
fn an_emulator_can_be_sent_to_another_thread() {
    let yotpo = YotpoMock::start();
    let store = yotpo.store("shop");
    let (store, yotpo) = std::thread::spawn(move || (store, yotpo)).join().expect("it does not panic");
    store.generate(1, 0, 1);
    drop(yotpo);
    assert_eq!(store.customers().len(), 1, "a store outlives the server that served it");
}

/// Runs one ignored test in its own process, after a shell command, and returns all its output.
#[cfg(unix)]
fn this_test_binary(first: &str, test: &str) -> String {
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(format!("{first} && exec \"$0\" \"$@\" 2>&1"));
    command.arg(std::env::current_exe().expect("this binary"));
    command.args(["--exact", "--ignored", "--nocapture", test]);
    let output = command.env("RUST_BACKTRACE", "0").output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Run by the next test, in its own process.
#[test]
#[ignore = "run as a child process"]
fn hundred_emulators() {
    many(100);
}

fn many(number: usize) {
    let emulators: Vec<_> = (0..number).map(|_| Emulator::undeclared()).collect();
    for (at, emulator) in emulators.iter().enumerate() {
        emulator.upsert(json!({"external_id": format!("c-{at}")}));
    }
    for (at, emulator) in emulators.iter().enumerate() {
        assert_eq!(emulator.get(&customers("")).identifiers(), [format!("c-{at}")]);
    }
}

#[cfg(unix)]
#[test]
fn a_hundred_emulators_run_under_a_soft_limit_of_1024_descriptors() {
    let output = this_test_binary("ulimit -S -n 1024", "mock::hundred_emulators");
    assert!(output.contains("1 passed"), "{output}");
}

/// Run by the next test, in its own process.
#[test]
#[ignore = "it fails, and is to be seen failing"]
fn a_test_that_panics() {
    let yotpo = YotpoMock::builder().journal_on_panic(2).start();
    let (store, other) = (yotpo.store("shop"), yotpo.store("other"));
    for store in [&store, &other] {
        for gender in ["F", "M", "female"] {
            let response = crate::support::agent()
                .patch(format!("{}/customers", store.api_url()))
                .header("X-Yotpo-Token", store.access_token())
                .send_json(json!({"customer": {"external_id": "c-1", "gender": gender}}));
            response.expect("an answer");
        }
    }
    store.requests().retrievals().with_query("emial", "ann@example.com").assert_none();
    store.add_fault(Fault::status(503).on(Operation::RetrieveCustomers).on_query("limt", "1"));
    let clone = store.clone();
    assert_eq!(clone.customer("c-1").expect("it is there").gender(), Some("Other"), "on purpose");
}

#[cfg(unix)]
#[test]
fn when_a_test_panics_the_latest_requests_of_its_stores_are_printed() {
    let output = this_test_binary("true", "mock::a_test_that_panics");
    let journals = output.split("requests to store").skip(1);
    let journals: Vec<_> = journals.map(|journal| journal.lines().take(5).collect::<Vec<_>>().join("\n")).collect();
    assert_eq!(journals.len(), 2, "each store once: {output}");
    assert_snapshot!(journals[0], @r#"
    `shop`:
     #2 PATCH /core/v3/stores/shop/customers, answered 200
        {"customer":{"external_id":"c-1","gender":"M"}}
     #3 PATCH /core/v3/stores/shop/customers, answered 400 by customer.gender.enum
        {"customer":{"external_id":"c-1","gender":"female"}}
    "#);
    assert!(journals[1].starts_with(" `other`:"), "{output}");
    let warnings: Vec<_> = output.lines().filter(|line| line.starts_with("warning")).collect();
    assert_snapshot!(warnings.join("\n"), @"
    warning: `retrieveCustomers` does not know `query.emial`, only `email`, `phone_number`, `external_ids`, `include_custom_properties`, `expand`, `limit`, `page_info` and `access_token`; did you mean `email`?
    warning: `retrieveCustomers` does not know `query.limt`, only `email`, `phone_number`, `external_ids`, `include_custom_properties`, `expand`, `limit`, `page_info` and `access_token`; did you mean `limit`?
    ");
}
