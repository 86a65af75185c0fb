//! The two HTTP/1.1 transports: a client cannot tell them apart.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use yotpo_mock::{Fault, Operation};

use crate::support::{ACCESS_TOKENS, Connection, EVENTS, Emulator, Response, customers, wait_until};

/// A header that moves a request to the full transport and means nothing else.
const FULL_TRANSPORT: &str = "Connection: keep-alive, keep-alive\r\n";

/// The bytes of a request.
fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = match body {
        "" => String::new(),
        body => format!("Content-Length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}")
}

/// Valid and invalid requests.
fn requests() -> Vec<(&'static str, String, &'static str, String)> {
    let customer =
        json!({"customer": {"external_id": "c-1", "email": "ann@example.com", "gender": "F", "tags": "größe"}});
    let broken = json!({"customer": {"external_id": "c-1", "gender": "X", "first_name": 1, "nobody": "knows"}});
    let event = json!({"customer_event": {"type": "itemReturned", "unique_id": 1, "customer": {"external_id": "c-2"}}});
    const TOKEN: &str = "X-Yotpo-Token: any\r\n";
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    let form = "client_id=shop&client_secret=any&grant_type=client_credentials";
    let orders = "/core/v3/stores/shop/orders";
    vec![
        ("POST", ACCESS_TOKENS.to_owned(), "", json!({"secret": "any"}).to_string()),
        ("POST", ACCESS_TOKENS.to_owned(), "", json!({"secret": 1}).to_string()),
        ("POST", "/oauth/token".to_owned(), FORM, form.to_owned()),
        ("POST", "/oauth/token".to_owned(), "", json!({"client_id": "shop"}).to_string()),
        ("PATCH", customers(""), TOKEN, customer.to_string()),
        ("PATCH", customers(""), TOKEN, broken.to_string()),
        ("PATCH", customers(""), TOKEN, "{".to_owned()),
        ("PATCH", customers(""), TOKEN, String::new()),
        ("PATCH", customers(""), "X-Yotpo-Token: any\r\nContent-Type: text/plain\r\n", customer.to_string()),
        (
            "PATCH",
            customers(""),
            "X-Yotpo-Token: any\r\ncontent-type: Application/JSON; charset=utf-8\r\n",
            customer.to_string(),
        ),
        ("PATCH", customers(""), "", customer.to_string()),
        ("PATCH", EVENTS.to_owned(), TOKEN, event.to_string()),
        ("POST", EVENTS.to_owned(), TOKEN, event["customer_event"].to_string()),
        ("GET", customers("?limit=1"), TOKEN, String::new()),
        ("GET", customers("?email=ANN%40example.com&surprise=1"), TOKEN, String::new()),
        ("GET", customers("?limit=0"), TOKEN, String::new()),
        ("GET", customers("?access_token=any"), "x-yotpo-token: \r\n", String::new()),
        (
            "GET",
            customers(""),
            "X-YOTPO-TOKEN:\t any \r\nX-Yotpo-Token: other\r\nX-More: a\r\nx-more: b\r\n",
            String::new(),
        ),
        ("POST", customers(""), TOKEN, customer.to_string()),
        ("GET", orders.to_owned(), "", String::new()),
        ("GET", "/nowhere/%C3%A9?a=1&a=2".to_owned(), "", String::new()),
    ]
}

/// A response without the headers that depend on the connection or the time.
fn describe(response: &Response) -> String {
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| name != "date" && name != "connection");
    headers.sort();
    format!("{} {headers:?} {}", response.status(), String::from_utf8_lossy(&response.body))
}

/// The journal without what differs between the transports.
fn journal(emulator: &Emulator) -> Vec<Value> {
    let mut journal = emulator.control("GET", "/requests").send().json();
    for entry in journal["requests"].as_array_mut().expect("requests") {
        entry["duration_us"] = Value::Null;
        let headers = entry["request"]["headers"].as_object_mut().expect("headers");
        headers.remove("connection");
    }
    journal["requests"].as_array().expect("requests").clone()
}

#[test]
fn both_transports_give_the_same_responses_and_the_same_journal() {
    let settings = |builder: yotpo_mock::Builder| builder.store("shop", "any").rate_limit(50);
    for emulators in [
        [Emulator::undeclared(), Emulator::undeclared()],
        [Emulator::undeclared_with(settings), Emulator::undeclared_with(settings)],
    ] {
        let mut fast = Connection::open(emulators[0].address());
        for (method, path, headers, body) in requests() {
            let mut full = Connection::open(emulators[1].address());
            fast.send(request(method, &path, headers, &body));
            full.send(request(method, &path, &format!("{headers}{FULL_TRANSPORT}"), &body));
            let [fast, full] = [&mut fast, &mut full].map(|connection| connection.response().expect("a response"));
            assert_eq!(describe(&fast), describe(&full), "{method} {path} {headers:?} {body}");
        }
        let [fast, full] = emulators.each_ref().map(journal);
        assert_eq!(fast.len(), requests().len());
        assert_eq!(fast, full);
    }
}

#[test]
fn both_transports_send_the_same_pages() {
    let seed: Vec<_> = (0..150)
        .map(|number| json!({"external_id": format!("c-{number}"), "tags": "x".repeat(number * 100)}))
        .collect();
    let emulator = Emulator::undeclared_with(|builder| {
        builder.seed(json!({"stores": [{"id": "shop", "customers": seed}]}).to_string())
    });
    let [mut fast, mut full] = [0, 1].map(|_| Connection::open(emulator.address()));
    for query in ["?limit=100", "?limit=7&include_custom_properties=true", "?external_ids=c-149,c-3"] {
        let get = |headers| request("GET", &customers(query), headers, "");
        fast.send(get("X-Yotpo-Token: any\r\n"));
        full.send(get(&format!("X-Yotpo-Token: any\r\n{FULL_TRANSPORT}")));
        let [fast, full] = [&mut fast, &mut full].map(|connection| connection.response().expect("a response"));
        assert!(!fast.identifiers().is_empty());
        assert_eq!(fast.body, full.body);
    }
}

#[test]
fn a_connection_changes_the_transport_between_pipelined_requests() {
    let emulator = Emulator::undeclared();
    let token = "X-Yotpo-Token: any\r\n";
    let customer = |id: &str| json!({"customer": {"external_id": id}}).to_string();
    let chunked = {
        let body = customer("c-3");
        let head = request("PATCH", &customers(""), &format!("{token}Transfer-Encoding: chunked\r\n"), "");
        format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    let mut connection = Connection::open(emulator.address());
    connection.send(
        [
            request("PATCH", &customers(""), token, &customer("c-1")),
            request("PATCH", &customers(""), token, &customer("c-2")),
            chunked,
            request("GET", "/_mock/health", "", ""),
            request("GET", &customers(""), token, ""),
        ]
        .concat(),
    );
    let responses: Vec<_> = (0..5).map(|_| connection.response().expect("a response")).collect();
    assert!(responses.iter().all(|response| response.status() == 200));
    assert_eq!(responses[3].json()["status"], "ready");
    assert_eq!(responses[4].identifiers(), ["c-1", "c-2", "c-3"]);
    assert_eq!([0, 1, 2, 4].map(|at: usize| responses[at].number()), [1, 2, 3, 4]);
}

#[test]
fn a_request_may_arrive_in_any_two_pieces() {
    let emulator = Emulator::undeclared();
    let body = json!({"customer": {"external_id": "c-1", "first_name": "Ann"}}).to_string();
    let whole = request("PATCH", &customers(""), "X-Yotpo-Token: any\r\n", &body);
    for at in 0..whole.len() {
        let mut connection = Connection::open(emulator.address());
        connection.send(&whole[..at]);
        connection.send(&whole[at..]);
        let response = connection.response().expect("a response");
        assert_eq!((response.status(), response.number()), (200, at as u64 + 1));
    }
}

#[test]
fn a_fault_applies_to_connections_opened_before_it() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    let mut status = || {
        connection.send(request("GET", &customers(""), "X-Yotpo-Token: any\r\n", ""));
        connection.response().map(|response| response.status())
    };
    assert_eq!(status(), Some(200));
    emulator.fault(json!({"status": 503, "times": 1}));
    assert_eq!([status(), status()], [Some(503), Some(200)]);
}

#[test]
fn a_partial_later_request_times_out_as_the_first_does() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(200)));
    let get = request("GET", &customers(""), "X-Yotpo-Token: any\r\n", "");
    let mut connection = Connection::open(emulator.address());
    connection.send(format!("{get}{}", &get[..get.len() - 2]));
    let [first, second] = [(); 2].map(|()| connection.response().expect("a response").status());
    assert_eq!((first, second), (200, 408));
    assert!(connection.response().is_none());
    assert_eq!(emulator.mock.requests().count(), 1);
}

#[test]
fn a_page_behind_large_responses_is_the_requested_one() {
    let customers_of: Vec<_> = (0..150).map(|number| json!({"external_id": format!("c-{number}")})).collect();
    let emulator = Emulator::undeclared_with(|builder| {
        builder.seed(json!({"stores": [{"id": "shop", "customers": customers_of}]}).to_string())
    });
    let token = "X-Yotpo-Token: any\r\n";
    let mut connection = Connection::open(emulator.address());
    connection.send(request("GET", &customers("?limit=100"), token, ""));
    let first = connection.response().expect("a response").json();
    let cursor = first["pagination"]["next_page_info"].as_str().expect("a cursor");
    emulator.mock.add_fault(Fault::status(500).body("x".repeat(200 * 1024)).on(Operation::UpsertCustomer));
    let failed = request("PATCH", &customers(""), token, "{}");
    let page = request("GET", &customers(&format!("?page_info={cursor}")), token, "");
    connection.send([failed.as_str(), &page, &failed, &page].concat());
    for _ in 0..2 {
        let failed = connection.response().expect("a response");
        assert!(failed.status() == 500 && failed.body.len() > 128 * 1024);
        let expected: Vec<_> = (100..150).map(|number| format!("c-{number}")).collect();
        assert_eq!(connection.response().expect("a response").identifiers(), expected);
    }
}

/// All bytes that a connection receives for a request, without the headers that depend on the connection or the time; or the
/// error that ends it.
fn receive_all(emulator: &Emulator, transport: &str) -> Result<String, ErrorKind> {
    let mut connection = Connection::open(emulator.address());
    connection.send(request("GET", &customers(""), &format!("X-Yotpo-Token: any\r\n{transport}"), ""));
    connection.finish();
    let mut received = Vec::new();
    connection.read_to_end(&mut received).map_err(|error| error.kind())?;
    let received = String::from_utf8(received).expect("UTF-8");
    let (head, body) = received.split_once("\r\n\r\n").unwrap_or((&received, ""));
    let mut head: Vec<_> = head.lines().collect();
    head.retain(|line| !line.starts_with("date:") && !line.starts_with("connection:"));
    head.sort_unstable();
    Ok(format!("{}\n\n{body}", head.join("\n")))
}

#[test]
fn both_transports_apply_the_same_faults() {
    for (effect, expected) in [
        (json!({"status": 503}), "injected by fault 1"),
        (json!({"status": 429, "headers": {"X-More": "a"}}), "retry-after: 1"),
        (json!({"status": 200, "body": "", "content_type": "text/html"}), "content-type: text/html"),
        (json!({"malformed_json": true}), r#""next_page_info":null}"#),
        (json!({"truncate_bytes": 10}), "\n\n{\"customer"),
        (json!({"truncate_bytes": 0}), "content-length: "),
        (json!({"drip_bytes_per_second": 1000}), r#""next_page_info":null}}"#),
        (json!({"truncate_bytes": 20, "drip_bytes_per_second": 200}), "\n\n{\"customers\":[],\"pag"),
        (json!({"connection": "close"}), ""),
        (json!({"connection": "reset"}), ""),
        (json!({"expire_token": true}), "x-yotpo-mock-rule: token.expired"),
        (json!({"status": 500, "after_commit": true}), "x-yotpo-mock-fault: 1"),
        (json!({"delay_ms": 1, "after_commit": true}), r#""next_page_info":null}}"#),
        (json!({"expire_token": true, "after_commit": true}), r#""next_page_info":null}}"#),
        (json!({"status": 204}), "HTTP/1.1 204 No Content\n"),
        (json!({"status": 304}), "HTTP/1.1 304 Not Modified\n"),
        (json!({"status": 204, "headers": {"ETag": "a"}}), "etag: a"),
        (json!({"headers": {"RateLimit-Remaining": "0", "X-Yotpo-Mock-Note": "none"}}), "ratelimit-remaining: 0"),
    ] {
        let [fast, full] = ["", FULL_TRANSPORT].map(|transport| {
            let emulator = Emulator::undeclared();
            emulator.fault(effect.clone());
            let received = receive_all(&emulator, transport);
            (received, journal(&emulator))
        });
        assert_eq!(fast, full, "{effect}");
        match fast.0 {
            Ok(received) => assert!(received.contains(expected), "{effect}: {received}"),
            Err(error) => assert_eq!((&effect["connection"], error), (&json!("reset"), ErrorKind::ConnectionReset)),
        }
        assert_eq!(fast.1[0]["fault"], 1, "{effect}");
    }
}

#[test]
fn a_connection_is_usable_after_a_response_without_a_body() {
    let emulator = Emulator::undeclared();
    for transport in ["", FULL_TRANSPORT] {
        for status in [204, 304] {
            emulator.fault(json!({"status": status, "times": 1}));
            let mut connection = Connection::open(emulator.address());
            let get = request("GET", &customers(""), &format!("X-Yotpo-Token: any\r\n{transport}"), "");
            connection.send([get.as_str(), &get].concat());
            let [empty, next] = [(); 2].map(|()| connection.response().expect("a response"));
            assert_eq!(
                (empty.status(), empty.header("content-length"), empty.header("content-type")),
                (status, None, None)
            );
            assert_eq!((next.status(), next.identifiers()), (200, vec![]));
        }
    }
}

#[test]
fn a_rejection_that_leaves_a_short_body_unread_keeps_the_connection_on_both_transports() {
    let emulator = Emulator::undeclared();
    let body = json!({"customer": {"external_id": "c-1"}}).to_string();
    for transport in ["", FULL_TRANSPORT] {
        let mut connection = Connection::open(emulator.address());
        let plain_text = format!("X-Yotpo-Token: any\r\nContent-Type: text/plain\r\n{transport}");
        for (path, headers, status) in [
            ("/nowhere".to_owned(), transport, 404),
            (customers(""), transport, 401),
            (customers(""), &plain_text, 415),
        ] {
            connection.send(request("PATCH", &path, headers, &body));
            let response = connection.response().expect("the connection is open");
            assert_eq!((response.status(), response.header("connection")), (status, None), "{path}");
        }
    }
}

#[test]
fn a_rejection_that_needs_no_body_waits_for_a_long_one() {
    let emulator = Emulator::undeclared();
    let long = " ".repeat(8 * 1024 * 1024);
    let chunked = format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    let token = "X-Yotpo-Token: any\r\n";
    let orders = "/core/v3/stores/shop/orders";
    emulator.fault(json!({"match": {"store": "faulty"}, "status": 400}));
    for (method, path, headers, status) in [
        ("PATCH", "/nowhere", "", 404),
        ("POST", orders, token, 501),
        ("PUT", &customers(""), token, 405),
        ("PATCH", &customers(""), "", 401),
        ("PATCH", &customers(""), "X-Yotpo-Token: any\r\nContent-Type: text/plain\r\n", 415),
        ("PATCH", &customers(""), token, 413),
        ("POST", ACCESS_TOKENS, "", 413),
        ("GET", "/_mock/nowhere", "", 404),
        ("PUT", "/_mock/report", "", 405),
        ("POST", "/_mock/reset", "Origin: https://example.com\r\n", 403),
        ("POST", "/_mock/seed?x=1", "", 400),
        ("PATCH", "/core/v3/stores/faulty/customers", token, 400),
    ] {
        let with_length = request(method, path, headers, &long);
        let in_chunks = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Transfer-Encoding: chunked\r\n\r\n{chunked}"
        );
        for bytes in [with_length, in_chunks] {
            let mut connection = Connection::open(emulator.address());
            // Fails if the connection is closed before all is read.
            connection
                .socket()
                .write_all(bytes.as_bytes())
                .unwrap_or_else(|error| panic!("{method} {path} {status}: {error}"));
            assert_eq!(connection.response().expect("a response").status(), status, "{method} {path}");
        }
    }
}

#[test]
fn a_request_whose_client_gives_up_is_handled_on_both_transports() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"delay_ms": 100}));
    for (number, transport, is_reset) in
        [(1, "", false), (2, FULL_TRANSPORT, false), (3, "", true), (4, FULL_TRANSPORT, true)]
    {
        let body = json!({"customer": {"external_id": format!("c-{number}")}}).to_string();
        let mut connection = Connection::open(emulator.address());
        connection.send(request("PATCH", &customers(""), &format!("X-Yotpo-Token: any\r\n{transport}"), &body));
        if is_reset {
            SockRef::from(connection.socket()).set_linger(Some(Duration::ZERO)).expect("a connection can be reset");
        }
        drop(connection);
        wait_until("the request is recorded", || emulator.mock.requests().count() == number);
    }
    let entries = emulator.mock.requests().entries();
    assert_eq!(entries.iter().map(|entry| entry.status).collect::<Vec<_>>(), [200; 4]);
    emulator.control("DELETE", "/faults").send();
    assert_eq!(emulator.get(&customers("")).identifiers(), ["c-1", "c-2", "c-3", "c-4"]);
}

#[test]
fn a_body_that_waits_for_100_is_in_the_journal_of_a_rejected_request() {
    let emulator = Emulator::undeclared();
    let body = json!({"customer": {"external_id": "c-1"}}).to_string();
    let mut connection = Connection::open(emulator.address());
    let headers = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());
    connection.send(request("PATCH", &customers(""), &headers, ""));
    assert_eq!(connection.response().expect("a response").status(), 100);
    connection.send(&body);
    assert_eq!(connection.response().expect("a response").status(), 401);
    assert_eq!(journal(&emulator)[0]["request"]["body"], json!({"customer": {"external_id": "c-1"}}));
}

#[test]
fn a_head_pipelined_before_another_request_gets_no_body_on_both_transports() {
    let emulator = Emulator::undeclared();
    for (fault, status) in [
        (json!({"delay_ms": 20}), 200),
        (json!({"status": 503}), 503),
        (json!({"drip_bytes_per_second": 100_000}), 200),
    ] {
        emulator.control("DELETE", "/faults").send();
        emulator.fault(fault);
        for transport in ["", FULL_TRANSPORT] {
            let token = format!("X-Yotpo-Token: any\r\n{transport}");
            let head = request("HEAD", &customers(""), &token, "");
            let get = request("GET", "/nowhere", &token, "");
            let mut connection = Connection::open(emulator.address());
            connection.send([head, get].concat());
            connection.finish();
            let mut received = String::new();
            connection.read_to_string(&mut received).expect("UTF-8");
            let (first, second) = received.split_once("\r\n\r\n").expect("a head");
            assert!(first.contains(&status.to_string()) && first.contains("content-length: "), "{first}");
            assert!(second.starts_with("HTTP/1.1 404 "), "{second}");
        }
    }
}

/// A bug of the codec of actix-http 3.20, documented in `docs/architecture.md`. The fast transport does not have it.
#[test]
fn the_full_transport_loses_the_body_of_a_delayed_get_before_a_head() {
    let emulator = Emulator::undeclared();
    emulator.fault(json!({"delay_ms": 20, "times": 1}));
    let token = format!("X-Yotpo-Token: any\r\n{FULL_TRANSPORT}");
    let pipelined = [request("GET", &customers(""), &token, ""), request("HEAD", &customers(""), &token, "")];
    let mut connection = Connection::open(emulator.address());
    connection.send(pipelined.concat());
    connection.finish();
    let mut received = String::new();
    connection.read_to_string(&mut received).expect("UTF-8");
    assert_eq!(received.matches("HTTP/1.1 200 OK").count(), 2, "{received}");
    assert!(!received.contains("next_page_info"), "the codec is fixed: {received}");
}

#[test]
fn an_offer_of_another_protocol_is_ignored() {
    let emulator = Emulator::undeclared();
    // As Java's HTTP client sends it.
    let h2c =
        "X-Yotpo-Token: any\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n";
    let body = json!({"customer": {"external_id": "c-1"}}).to_string();
    let websocket = "X-Yotpo-Token: any\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";
    let mut connection = Connection::open(emulator.address());
    for _ in 0..3 {
        connection.send(request("GET", &customers(""), h2c, ""));
        let response = connection.response().expect("the connection is kept");
        assert_eq!((response.status(), response.header("connection")), (200, None));
        connection.send(request("PATCH", &customers(""), websocket, &body));
        let response = connection.response().expect("the connection is kept");
        assert_eq!((response.status(), response.header("connection")), (200, None));
    }
    // The full transport cannot keep the connection, and says so.
    let mut full = Connection::open(emulator.address());
    full.send(request("GET", &customers(""), &h2c.replace("HTTP2-Settings\r\n", "HTTP2-Settings, TE\r\n"), ""));
    let response = full.response().expect("a response");
    assert_eq!((response.status(), response.header("connection")), (200, Some("close")));
}
