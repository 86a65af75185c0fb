//! Malformed requests. Once the head is parsed, every error is in Yotpo's envelope; before that, the response is an empty
//! 400, 408 or 431, and the connection closes. The state does not change, and the server goes on.
//!
//! Invalid JSON is tested in `rejection.rs`, invalid fields in `validation.rs` and `event.rs`.

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ACCESS_TOKENS, Connection, EVENTS, Emulator, customers};

/// A valid body.
const CUSTOMER: &str = r#"{"customer":{"external_id":"c-1"}}"#;

/// A request inside or behind another one. If it is answered, the transport has lost track of the request's length.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A request to the store `shop`, byte by byte.
pub fn request(method: &str, path: &str, headers: &str, rest: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n{headers}\r\n{rest}")
}

/// A write of a customer, byte by byte.
pub fn patch(headers: &str, rest: &str) -> String {
    request("PATCH", &customers(""), headers, rest)
}

/// A body in one chunk.
pub fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// Asserts that the emulator still answers, and holds no customer and no event.
fn expect_untouched(emulator: &Emulator) {
    assert_eq!(emulator.all_customers(), "");
    assert!(emulator.events().is_empty());
}

/// Sends requests whose heads cannot be parsed: each gets an empty response and a close, and no journal entry.
fn expect_rejected_unread(emulator: &Emulator, status: u16, requests: &[(&str, String)]) {
    let before = emulator.mock.requests().count();
    for (what, bytes) in requests {
        let mut connection = Connection::open(emulator.address());
        connection.send(bytes);
        match connection.response() {
            Some(response) => {
                assert_eq!((response.status, &*response.body), (status, &b""[..]), "{what}");
                assert_eq!(response.header("x-yotpo-mock-request"), None, "{what}");
            }
            // Elsewhere than on Linux, closing with unread input can discard the response.
            None if cfg!(not(target_os = "linux")) => {}
            None => panic!("{what} gets no answer"),
        }
        assert!(connection.response().is_none(), "{what} is followed by a close");
    }
    assert_eq!(emulator.mock.requests().count(), before, "none of them was a request");
    expect_untouched(emulator);
}

/// One value of each JSON type, empty and not.
fn one_of_each_type() -> [Value; 10] {
    [
        json!(null),
        json!(true),
        json!(7),
        json!(-1.5),
        json!(""),
        json!("text"),
        json!([]),
        json!(["text", null]),
        json!({}),
        json!({"key": {"key": null}}),
    ]
}

/// The JSON pointer of every value in a document, that of the document included.
fn places(document: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    for (key, value) in document.as_object().into_iter().flatten() {
        found.extend(places(value).into_iter().map(|place| format!("/{key}{place}")));
    }
    found
}

/// Variants of a document, each with one value replaced by one of another type.
fn with_wrong_types(document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for place in places(document) {
        for value in one_of_each_type() {
            let mut changed = document.clone();
            let there = changed.pointer_mut(&place).expect("it was found there");
            *there = value;
            found.push((place.clone(), changed));
        }
    }
    found
}

/// The customers and events of the store `shop`.
fn state(emulator: &Emulator) -> String {
    let page = emulator.get(&customers("?include_custom_properties=true&expand=loyalty,reviews"));
    format!("{page}\n{:?}", emulator.events())
}

/// Sends all variants of a document: each is accepted, or rejected without changing anything.
fn accepts_or_rejects_every_type(method: &str, path: &str, document: &Value) {
    let emulator = Emulator::undeclared();
    let whole = emulator.request(method, path).json(document.clone()).nonconforming().send();
    assert_eq!(whole.status(), 200, "{whole}");
    let mut before = state(&emulator);
    let (mut accepted, mut rejected) = (0, 0);
    for (place, changed) in with_wrong_types(document) {
        let response = emulator.request(method, path).json(changed.clone()).nonconforming().send();
        match response.status() {
            200 => {
                accepted += 1;
                before = state(&emulator);
            }
            400 => {
                rejected += 1;
                assert_eq!(state(&emulator), before, "{changed} at {place} changed something");
            }
            _ => panic!("{changed} at {place} is neither accepted nor rejected: {response}"),
        }
    }
    assert!(accepted > 50 && rejected > 50, "{accepted} were accepted, {rejected} rejected");
}

fn customer_with_everything() -> Value {
    json!({
        "external_id": "c-1",
        "email": "ann@example.com",
        "phone_number": "+14155552671",
        "first_name": "Ann",
        "last_name": "Lee",
        "gender": "F",
        "account_created_at": "2021-03-27T04:37:34",
        "account_updated_at": "2023-08-29T16:30:07",
        "account_status": "enabled",
        "default_language": "en",
        "default_currency": "USD",
        "tags": "vip,summer_sale",
        "address": {
            "address1": "12 Harbour Street", "address2": "Flat 3", "city": "Austin", "company": "Lee", "state": "Texas",
            "zip": "73301", "province_code": "TX", "country_code": "US", "phone_number": "+14155552671"
        },
        "accepts_sms_marketing": true,
        "accepts_email_marketing": false,
        "custom_properties": {"favourite_colour": "blue"},
        "lists": [{"id": "123456", "since": "2023-05-22T11:08:52"}],
        "channels": {"sms": {"marketing": {"consent": "subscribed", "timestamp": "2021-09-05T17:50:45"}}},
        "yotpo_ugc": {"total_reviews": 3},
        "loyalty": {"points_balance": 10}
    })
}

#[test]
fn values_of_every_type_in_a_customer_are_accepted_or_rejected_in_the_envelope() {
    accepts_or_rejects_every_type(
        "PATCH",
        &customers(""),
        &json!({"customer": customer_with_everything(), "unknown": 1}),
    );
}

#[test]
fn values_of_every_type_in_an_event_are_accepted_or_rejected_in_the_envelope() {
    let event = json!({
        "customer_event": {
            "source": "parcel_tool", "type": "order_shipped", "timestamp": "2025-12-31T10:00:00", "unique_id": "e-1",
            "properties": {"carrier": "ups"}, "customer": customer_with_everything()
        }
    });
    accepts_or_rejects_every_type("PATCH", EVENTS, &event);
}

#[test]
fn values_of_every_type_in_a_bare_event_are_accepted_or_rejected_in_the_envelope() {
    let event = json!({
        "event_source": "parcel_tool", "event_type": "order_shipped", "occurred_at": "2025-12-31T10:00:00",
        "event_id": "e-1", "event_properties": {"carrier": "ups"}, "customer": customer_with_everything()
    });
    accepts_or_rejects_every_type("POST", EVENTS, &event);
}

#[test]
fn values_of_every_type_in_a_token_call_are_accepted_or_rejected_in_the_envelope() {
    let emulator = Emulator::undeclared();
    let oauth = json!({"client_id": "shop", "client_secret": "s3cret", "grant_type": "client_credentials"});
    for (path, document) in [(ACCESS_TOKENS, json!({"secret": "s3cret"})), ("/oauth/token", oauth)] {
        for (place, changed) in with_wrong_types(&document) {
            let response = emulator.anonymous("POST", path).json(changed.clone()).nonconforming().send();
            assert!([200, 400, 401].contains(&response.status()), "{changed} at {place}: {response}");
        }
    }
    expect_untouched(&emulator);
}

#[test]
fn invalid_http_is_an_empty_400() {
    let get = |line: &str| format!("{line}\r\nHost: localhost\r\n\r\n{HIDDEN}");
    expect_rejected_unread(
        &Emulator::undeclared(),
        400,
        &[
            #[cfg(not(feature = "tls"))]
            ("a TLS hello", "\u{16}\u{3}\u{1}\0\u{5}\u{1}\0\0\u{1}\u{3}\u{3}".to_owned()),
            ("a part of a CONNECT", "CONNECTED / HTTP/1.1\r\n\r\n".to_owned()),
            ("zeros", "\0".repeat(100)),
            ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
            ("a later version", get("GET / HTTP/3.0")),
            ("no version", get("GET /")),
            ("a method with a bracket", get("G(T / HTTP/1.1")),
            ("no method", get(" / HTTP/1.1")),
            ("no slash before the path", get("GET core/v3/stores/shop/customers HTTP/1.1")),
            ("NUL in the path", get("GET /\0 HTTP/1.1")),
            ("a space in the path", get("GET /a b HTTP/1.1")),
            ("letters beyond ASCII in the path", get("GET /größe HTTP/1.1")),
            ("no Host", format!("GET / HTTP/1.1\r\n\r\n{HIDDEN}")),
            ("two Hosts", get("GET / HTTP/1.1\r\nHost: elsewhere")),
            ("a header without a name", get("GET / HTTP/1.1\r\n: value")),
            ("a header without a colon", get("GET / HTTP/1.1\r\nheader")),
            ("NUL in a header", get("GET / HTTP/1.1\r\nX-A: a\0b")),
        ],
    );
}

#[test]
fn a_path_that_is_not_utf_8_is_an_empty_400() {
    let emulator = Emulator::undeclared();
    let response = emulator.raw(b"GET /core/v3/stores/\xff\xfe/customers HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    expect_untouched(&emulator);
}

#[test]
fn an_ambiguous_body_length_is_an_empty_400_and_nothing_behind_it_is_read() {
    let length = format!("Content-Length: {}\r\n", CUSTOMER.len());
    let both = |headers: &str| patch(headers, &format!("{CUSTOMER}{HIDDEN}"));
    let chunks = |headers: &str| patch(headers, &format!("{}{HIDDEN}", chunked(CUSTOMER)));
    let mut requests = vec![
        ("two lengths that differ", both(&format!("{length}Content-Length: 5\r\n"))),
        ("two lengths that agree", both(&format!("{length}{length}"))),
        ("two lengths in one line", both("Content-Length: 34, 34\r\n")),
        ("a length, then chunks", chunks(&format!("{length}Transfer-Encoding: chunked\r\n"))),
        ("chunks, then a length", chunks(&format!("Transfer-Encoding: chunked\r\n{length}"))),
        ("chunks in gzip", chunks("Transfer-Encoding: gzip, chunked\r\n")),
        ("chunks in HTTP/1.0", { chunks("Transfer-Encoding: chunked\r\n").replacen("HTTP/1.1", "HTTP/1.0", 1) }),
        ("an unknown encoding", chunks("Transfer-Encoding: xchunked\r\n")),
        ("a hidden encoding", chunks("Transfer-Encoding: \u{b}chunked\r\n")),
        ("two encodings", chunks("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")),
        ("no encoding but a name for it", both("Transfer-Encoding: identity\r\n")),
        ("a space before the colon", chunks(&format!("Transfer-Encoding : chunked\r\n{length}"))),
        ("a folded header", both(&format!("{length}X-Folded: one\r\n Transfer-Encoding: chunked\r\n"))),
        ("a folded encoding", chunks(&format!("{length}Transfer-Encoding:\r\n chunked\r\n"))),
        ("a carriage return inside of a header", chunks(&format!("{length}X-A: b\rTransfer-Encoding: chunked\r\n"))),
    ];
    for garbage in
        ["", "many", "-1", "+34", "0x22", "3 4", "34.0", "18446744073709551616", "99999999999999999999999999"]
    {
        requests.push((garbage, both(&format!("Content-Length: {garbage}\r\n"))));
    }
    expect_rejected_unread(&Emulator::undeclared(), 400, &requests);
}

#[test]
fn a_head_of_more_than_96_headers_or_of_128_kib_is_an_empty_431() {
    let headers = |count: usize| "X-Again: and again\r\n".repeat(count);
    // Host and token are two of the 96.
    expect_rejected_unread(
        &Emulator::undeclared(),
        431,
        &[
            ("97 headers", patch(&headers(95), "")),
            ("200 headers", patch(&headers(200), "")),
            ("a header of 128 KiB", patch(&format!("X-A: {}\r\n", "a".repeat(128 * 1024)), "")),
            ("a header of 1 MiB", patch(&format!("X-A: {}\r\n", "a".repeat(1024 * 1024)), "")),
            ("100,000 empty lines", "\r\n".repeat(100_000)),
            ("a name without an end", "X".repeat(200_000)),
        ],
    );
}

#[test]
fn a_url_beyond_64_kib_is_an_empty_400_and_one_of_1_mib_an_empty_431() {
    let emulator = Emulator::undeclared();
    let get = |length: usize| request("GET", &customers(&format!("?x={}", "a".repeat(length))), "", HIDDEN);
    expect_rejected_unread(&emulator, 400, &[("64 KiB", get(64 * 1024)), ("100 KiB", get(100 * 1024))]);
    expect_rejected_unread(&emulator, 431, &[("128 KiB", get(128 * 1024)), ("1 MiB", get(1024 * 1024))]);
    let long = emulator.request("GET", &customers(&format!("?limit={}", "1".repeat(60_000))));
    // A shorter one is parsed; `send` checks the envelope.
    assert_eq!(long.send().status(), 400);
}

#[test]
fn a_long_head_below_the_limits_is_parsed() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    for headers in [
        format!("X-Long: {}\r\n", "a".repeat(120 * 1024)),
        "X-Again: and again\r\n".repeat(93),
        "Cookie: a=b\r\n".repeat(93),
    ] {
        let length = CUSTOMER.len();
        connection.send(patch(&format!("{headers}Content-Length: {length}\r\n"), CUSTOMER));
        let response = connection.response().expect("an answer");
        response.conforms("PATCH", &customers(""));
        assert_eq!(response.status(), 200);
    }
    let token = emulator.anonymous("GET", &customers("")).token(&"a".repeat(64 * 1024)).send();
    assert_eq!(token.identifiers(), ["c-1"]);
}

#[test]
fn the_first_of_a_repeated_header_counts() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "s3cret"));
    let token = emulator.token("shop", "s3cret").json()["access_token"].as_str().unwrap().to_owned();
    let status = |headers: &[&str]| {
        let mut connection = Connection::open(emulator.address());
        let (headers, length) = (headers.join("\r\n"), CUSTOMER.len());
        connection.send(format!(
            "PATCH {} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{CUSTOMER}",
            customers("")
        ));
        let response = connection.response().expect("an answer");
        response.conforms("PATCH", &customers(""));
        response.status()
    };
    let (good, bad) = (&*format!("X-Yotpo-Token: {token}"), "X-Yotpo-Token: unknown");
    assert_eq!((status(&[good, bad]), status(&[bad, good])), (200, 401));
    let (good_type, bad_type) = ("Content-Type: application/json", "Content-Type: text/plain");
    assert_eq!(status(&[good, good_type, bad_type]), 200);
    assert_eq!(status(&[good, bad_type, good_type]), 415);
}

#[test]
fn an_unknown_request_target_is_404_in_the_envelope() {
    let emulator = Emulator::undeclared();
    for (method, target) in [
        ("OPTIONS", "*"),
        ("GET", "core"),
        ("GET", "/core/v3/stores/shop/customers%00"),
        ("GET", "/core/v3/stores/shop/../shop/customers"),
        ("GET", "//core/v3/stores/shop/customers"),
    ] {
        let mut connection = Connection::open(emulator.address());
        connection.send(request(method, target, "", ""));
        let response = connection.response().expect("an answer");
        response.conforms(method, target);
        assert_eq!(response.rule(), Some("path.unknown"), "{method} {target}");
    }
    let mut connection = Connection::open(emulator.address());
    let whole = format!("http://api.yotpo.com{}", customers(""));
    connection.send(request("GET", &whole, "", ""));
    assert_eq!(connection.response().expect("an answer").status(), 200, "an absolute URL is routed by its path");
    expect_untouched(&emulator);
}

#[test]
fn lines_may_end_without_a_carriage_return() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    let length = format!("Content-Length: {}\r\n", CUSTOMER.len());
    connection.send(patch(&length, CUSTOMER).replace("\r\n", "\n"));
    assert_eq!(connection.response().expect("an answer").status(), 200);
    let after = connection.get(&customers("")).expect("the connection is kept");
    assert_eq!((after.number(), after.identifiers()), (2, vec!["c-1".to_owned()]));
}

#[test]
fn a_broken_chunk_is_400_in_the_envelope_and_a_close() {
    let emulator = Emulator::undeclared();
    let broken = [
        "z\r\n",
        "\r\n",
        "-5\r\nabcde\r\n0\r\n\r\n",
        "+5\r\nabcde\r\n0\r\n\r\n",
        "0x5\r\nabcde\r\n0\r\n\r\n",
        "5\nabcde\n0\n\n",
        "2\r\nabcde\r\n0\r\n\r\n",
        "5 5\r\nabcde\r\n0\r\n\r\n",
        "5;\0\r\nabcde\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
    ];
    for (at, chunks) in broken.iter().enumerate() {
        let mut connection = Connection::open(emulator.address());
        connection.send(patch("Transfer-Encoding: chunked\r\n", &format!("{chunks}{HIDDEN}")));
        let response = connection.response().expect("an answer");
        response.conforms("PATCH", &customers(""));
        assert_eq!(response.status(), 400, "{chunks:?}");
        assert!(connection.response().is_none(), "{chunks:?} is followed by a close");
        assert_eq!(emulator.mock.requests().count(), at + 1, "{chunks:?} is one request");
    }
    expect_untouched(&emulator);
}

#[test]
fn chunk_extensions_and_trailers_are_skipped() {
    let emulator = Emulator::undeclared();
    let size = CUSTOMER.len();
    let mut connection = Connection::open(emulator.address());
    for chunks in [
        format!("{size:x};name=\"value\"\r\n{CUSTOMER}\r\n0;last\r\n\r\n"),
        format!("{size:x}\r\n{CUSTOMER}\r\n0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        format!("000000000000{size:X}\r\n{CUSTOMER}\r\n000\r\n\r\n"),
    ] {
        connection.send(patch("Transfer-Encoding: chunked\r\n", &chunks));
        assert_eq!(connection.response().expect("an answer").status(), 200, "{chunks:?}");
    }
    let after = connection.get(&customers("")).expect("the connection is kept");
    assert_eq!((after.number(), after.identifiers()), (4, vec!["c-1".to_owned()]));
}

#[test]
fn a_request_inside_a_body_is_never_parsed() {
    let emulator = Emulator::undeclared_with(|builder| builder.store("shop", "s3cret"));
    let length = format!("Content-Length: {}\r\n", HIDDEN.len());
    let sent = [
        (401, "PATCH", customers("")),
        (401, "GET", customers("")),
        (404, "GET", "/nowhere".to_owned()),
        (405, "POST", customers("")),
        (501, "PATCH", "/core/v3/stores/shop/orders".to_owned()),
        (400, "POST", ACCESS_TOKENS.to_owned()),
    ];
    let connections = sent.iter().flat_map(|(status, method, path)| {
        let in_one_piece = request(method, path, &length, HIDDEN);
        let in_chunks = request(method, path, "Transfer-Encoding: chunked\r\n", &chunked(HIDDEN));
        [in_one_piece, in_chunks].map(|bytes| {
            let mut connection = Connection::open(emulator.address());
            connection.send(bytes);
            // A body mistaken for a request would be answered before this one.
            connection.send(request("GET", "/last", "", ""));
            (*status, *method, path, connection)
        })
    });
    let mut connections: Vec<_> = connections.collect();
    for (status, method, path, connection) in &mut connections {
        let response = connection.response().expect("an answer");
        response.conforms(method, path);
        assert_eq!(response.status(), *status, "{method} {path}");
    }
    // A connection with an unread body is closed.
    for (_, method, path, connection) in &mut connections {
        if let Some(response) = connection.response() {
            assert_eq!(response.status(), 404, "{method} {path}");
        }
    }
    let paths: Vec<_> = emulator.mock.requests().entries().into_iter().map(|entry| entry.path().to_owned()).collect();
    assert!(!paths.iter().any(|path| path == "/hidden"), "{paths:?}");
}

#[test]
fn the_rest_of_a_body_that_is_longer_than_declared_is_an_invalid_request() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    connection.send(patch("Content-Length: 5\r\n", CUSTOMER));
    let response = connection.response().expect("an answer");
    response.conforms("PATCH", &customers(""));
    assert_eq!(response.status(), 400);
    assert_eq!(connection.response().expect("an answer to the rest").status(), 400);
    assert!(connection.response().is_none());
    assert_eq!(emulator.mock.requests().count(), 1);
    expect_untouched(&emulator);
}

#[test]
fn pipelined_requests_are_answered_and_numbered_in_order() {
    let emulator = Emulator::undeclared();
    let mut all = String::new();
    for at in 0..100 {
        let body = json!({"customer": {"external_id": format!("c-{at}")}}).to_string();
        all += &patch(&format!("Content-Length: {}\r\n", body.len()), &body);
        all += &request("GET", &customers(&format!("?external_ids=c-{at}")), "", "");
        all += &request("GET", "/nowhere", "", "");
    }
    let mut connection = Connection::open(emulator.address());
    connection.send(all);
    for at in 0..100 {
        let [written, read, rejected] = [(); 3].map(|()| connection.response().expect("an answer"));
        written.conforms("PATCH", &customers(""));
        read.conforms("GET", &customers(""));
        rejected.conforms("GET", "/nowhere");
        assert_eq!(read.identifiers(), [format!("c-{at}")], "a read sees the write before it");
        let first = 3 * at + 1;
        assert_eq!([written.number(), read.number(), rejected.number()], [first, first + 1, first + 2]);
    }
    let journal = emulator.mock.requests().entries();
    assert!(journal.iter().map(|entry| entry.number).eq(1..=300));
}

#[test]
fn nothing_after_a_request_with_connection_close_is_processed() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    connection.send(request("GET", &customers(""), "Connection: close\r\n", HIDDEN));
    let last = connection.response().expect("an answer");
    assert_eq!((last.status(), last.header("connection")), (200, Some("close")));
    assert!(connection.response().is_none(), "the connection is closed");
    assert_eq!(emulator.mock.requests().count(), 1);
}

#[test]
fn a_get_pipelined_before_a_head_keeps_its_body() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    let get = request("GET", &customers(""), "", "");
    let head = request("HEAD", "/nowhere", "Connection: close\r\n", "");
    connection.send(format!("{get}{get}{head}"));
    for _ in 0..2 {
        let response = connection.response().expect("an answer");
        assert_eq!((response.status(), response.identifiers()), (200, Vec::<String>::new()));
    }
    let mut rest = String::new();
    connection.read_to_string(&mut rest).expect("UTF-8");
    assert!(rest.starts_with("HTTP/1.1 404 ") && rest.ends_with("\r\n\r\n"), "{rest}");
}

#[test]
fn actix_drops_a_connection_over_a_header_name_beyond_64_kib() {
    let emulator = Emulator::undeclared();
    for _ in 0..3 {
        let mut connection = Connection::open(emulator.address());
        connection.send(request("GET", &customers(""), &format!("{}: a\r\n", "X".repeat(65_536)), ""));
        // The parser of actix-http 3.20 panics; the task holds no other connection.
        assert!(connection.response().is_none());
    }
    assert!(emulator.mock.requests().is_empty());
    expect_untouched(&emulator);
}

#[test]
fn an_incomplete_or_too_large_body_closes_the_connection() {
    // Long enough for the heads to arrive on a busy machine.
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_secs(1)).body_limit(100));
    let too_much = "x".repeat(101);
    let mut connections = [
        (408, patch("Content-Length: 34\r\n", "{")),
        (408, patch("Transfer-Encoding: chunked\r\n", "22\r\n{")),
        (408, patch("Transfer-Encoding: chunked\r\n", &format!("22\r\n{CUSTOMER}\r\n"))),
        (408, patch("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n{")),
        (413, patch("Content-Length: 101\r\n", "")),
        (413, patch("Content-Length: 18446744073709551615\r\n", &too_much)),
        (413, patch("Transfer-Encoding: chunked\r\n", &format!("ffff\r\n{too_much}"))),
    ]
    .map(|(status, bytes)| {
        let mut connection = Connection::open(emulator.address());
        connection.send(bytes);
        (status, connection)
    });
    for (status, connection) in &mut connections {
        let response = connection.response().expect("an answer");
        response.conforms("PATCH", &customers(""));
        assert_eq!((response.status(), response.header("connection")), (*status, Some("close")));
    }
    for (status, connection) in &mut connections {
        assert!(connection.response().is_none(), "a {status} closes");
    }
    expect_untouched(&emulator);
}

#[test]
fn a_client_that_closes_its_sending_side_is_still_answered() {
    let emulator = Emulator::undeclared();
    let mut connection = Connection::open(emulator.address());
    connection.send(request("GET", &customers(""), "", ""));
    connection.finish();
    assert_eq!(connection.response().expect("an answer").status(), 200);
    assert!(connection.response().is_none());
    let mut silent = Connection::open(emulator.address());
    silent.finish();
    assert!(silent.response().is_none(), "without a request, there is no response");
    expect_untouched(&emulator);
}
