//! Yotpo's error envelope, which every response above 399 has.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{ACCESS_TOKENS, EVENTS, Emulator, customers};

/// A PATCH of a customer, byte by byte.
fn patch(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "PATCH /core/v3/stores/shop/customers HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n\
         Content-Type: application/json\r\nConnection: close\r\n{headers}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Status line and body of a raw answer.
fn status_and_body(response: &str) -> String {
    let status = response.lines().next().unwrap_or_default();
    let body = response.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    format!("{status}\n{body}")
}

#[test]
fn an_unknown_path_is_404() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.anonymous("GET", "/").send(), @r#"
    404
    x-yotpo-mock-rule: path.unknown
    {
      "errors":[
        {
          "message":"the path is not a path of this API, which has POST /core/v3/stores/{store_id}/access_tokens, POST /oauth/token, GET /core/v3/stores/{store_id}/customers, PATCH /core/v3/stores/{store_id}/customers, PATCH /core/v3/stores/{store_id}/customer_events"
        }
      ]
    }
    "#);
    for path in [
        "/core/v3/stores/shop",
        "/core/v2/stores/shop/customers",
        "/core/v3/stores//customers",
        "/core/v3/stores/shop/customers/",
        "/customers",
        "/core/v3/stores/shop/customers/7",
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let response = emulator.anonymous(method, path).send();
            assert_eq!((response.status(), response.rule()), (404, Some("path.unknown")), "{method} {path}");
        }
    }
}

#[test]
fn a_wrong_method_is_405_with_the_allowed_ones() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.anonymous("POST", &customers("")).send(), @r#"
    405
    allow: GET, HEAD, PATCH
    x-yotpo-mock-rule: path.method
    {"errors":[{"message":"the path does not take this method, only GET, HEAD, PATCH"}]}
    "#);
    assert_snapshot!(emulator.anonymous("GET", EVENTS).send(), @r#"
    405
    allow: PATCH, POST
    x-yotpo-mock-rule: path.method
    {"errors":[{"message":"the path does not take this method, only PATCH, POST"}]}
    "#);
    assert_snapshot!(emulator.anonymous("GET", ACCESS_TOKENS).send(), @r#"
    405
    allow: POST
    x-yotpo-mock-rule: path.method
    {"errors":[{"message":"the path does not take this method, only POST"}]}
    "#);
    assert_snapshot!(emulator.anonymous("PUT", "/oauth/token").send(), @r#"
    405
    allow: POST
    x-yotpo-mock-rule: path.method
    {"errors":[{"message":"the path does not take this method, only POST"}]}
    "#);
    for method in ["DELETE", "OPTIONS", "PUT", "TRACE", "PURGE"] {
        assert_eq!(emulator.anonymous(method, &customers("")).send().status(), 405, "{method}");
    }
}

#[test]
fn a_yotpo_resource_that_is_not_emulated_is_501() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.anonymous("GET", "/core/v3/stores/shop/orders").send(), @r#"
    501
    x-yotpo-mock-rule: path.not_emulated
    {"errors":[{"message":"orders is a Yotpo resource that this emulator does not have"}]}
    "#);
    for api in ["core", "messaging"] {
        for resource in
            ["orders", "products", "collections", "checkouts", "subscribers", "lists", "webhooks", "register_purchase"]
        {
            for (method, below) in [("GET", ""), ("POST", "/"), ("DELETE", "/7"), ("PATCH", "/7/fulfillments/8?a=b")] {
                let response = emulator.anonymous(method, &format!("/{api}/v3/stores/shop/{resource}{below}")).send();
                assert_eq!(response.status(), 501, "{method} {api} {resource}{below}");
                let said = response.json()["errors"][0]["message"].as_str().unwrap().to_owned();
                assert!(said.starts_with(resource), "{said}");
            }
        }
    }
    for unknown in [
        "/messaging/v3/stores/shop/customers",
        "/core/v3/stores/shop/ordersx",
        "/core/v3/orders",
        "/loyalty/v3/stores/shop/orders",
    ] {
        assert_eq!(emulator.anonymous("GET", unknown).send().status(), 404, "{unknown}");
    }
}

#[test]
fn a_body_that_is_not_declared_as_json_is_415() {
    let emulator = Emulator::new();
    let send = |declared: &str| {
        emulator.request("PATCH", &customers("")).body(declared, r#"{"customer":{"external_id":"c-1"}}"#).send()
    };
    assert_snapshot!(send("text/plain"), @r#"
    415
    x-yotpo-mock-rule: body.content_type
    {"errors":[{"message":"the body must be declared as `application/json`"}]}
    "#);
    for declared in ["application/x-www-form-urlencoded", "multipart/form-data", "nonsense"] {
        assert_eq!(send(declared).status(), 415, "{declared}");
    }
    assert_snapshot!(emulator.anonymous("POST", "/oauth/token").body("text/plain", "client_id=shop").send(), @r#"
    415
    x-yotpo-mock-rule: body.content_type
    {
      "errors":[
        {
          "message":"the body must be declared as `application/json` or `application/x-www-form-urlencoded`"
        }
      ]
    }
    "#);
}

#[test]
fn a_media_type_may_have_spaces_around_its_semicolons() {
    let emulator = Emulator::undeclared();
    let form = "client_id=shop&client_secret=any&grant_type=client_credentials";
    for parameters in [" ; charset=utf-8", "\t;charset=utf-8 ", ";", " ;; charset=\"utf-8\""] {
        let json = format!("application/json{parameters}");
        let request = emulator.request("PATCH", &customers("")).body(&json, r#"{"customer":{"external_id":"c-1"}}"#);
        assert_eq!(request.send().status(), 200, "{json}");
        let declared = format!("application/x-www-form-urlencoded{parameters}");
        let response = emulator.anonymous("POST", "/oauth/token").body(&declared, form).send();
        assert_eq!(response.status(), 200, "{declared}: {response}");
    }
}

#[test]
fn an_encoded_body_is_415_whatever_it_is() {
    let emulator = Emulator::new();
    let send = |encoding: &str, body: &[u8]| {
        let request = emulator.request("PATCH", &customers("")).body("application/json", body);
        request.header("Content-Encoding", encoding).send()
    };
    let json = br#"{"customer":{"external_id":"c-1"}}"#;
    assert_snapshot!(send("gzip", json), @r#"
    415
    x-yotpo-mock-rule: body.content_encoding
    {"errors":[{"message":"the body must not be compressed or encoded, and is declared as `gzip`"}]}
    "#);
    for encoding in ["br", "deflate", "GZIP", "x-gzip", "identity, gzip"] {
        assert_eq!(send(encoding, b"\x1f\x8b\x08").rule(), Some("body.content_encoding"), "{encoding}");
    }
    for encoding in ["identity", "Identity", ""] {
        assert_eq!(send(encoding, json).status(), 200, "{encoding}");
    }
    for (path, body) in [(EVENTS, "{}"), (ACCESS_TOKENS, r#"{"secret":"any"}"#), ("/oauth/token", "{}")] {
        let request = emulator.request(if path == EVENTS { "PATCH" } else { "POST" }, path);
        let response = request.body("application/json", body).header("Content-Encoding", "gzip").send();
        assert_eq!((response.status(), response.rule()), (415, Some("body.content_encoding")), "{path}");
    }
}

#[test]
fn a_body_in_another_form_than_plain_utf_8_is_400_and_names_it() {
    let emulator = Emulator::new();
    let send = |body: &[u8]| {
        let response = emulator.request("PATCH", &customers("")).body("application/json", body).send();
        assert_eq!((response.status(), response.rule()), (400, Some("body.json")));
        response.json()["errors"][0]["message"].as_str().expect("a message").to_owned()
    };
    assert_snapshot!(send(b"\xef\xbb\xbf{\"customer\":{\"external_id\":\"c-1\"}}"), @"the body is not valid JSON in UTF-8: it begins with a byte order mark, which JSON does not allow");
    assert_snapshot!(send(b"\xff\xfe{\0}\0"), @"the body is not valid JSON in UTF-8: it is UTF-16, by its byte order mark");
    assert_snapshot!(send(b"\x1f\x8b\x08\0"), @"the body is not valid JSON in UTF-8: it is compressed with gzip");
}

#[test]
fn a_method_in_lower_case_is_405_with_a_hint() {
    let emulator = Emulator::new();
    assert_snapshot!(emulator.anonymous("patch", &customers("")).send(), @r#"
    405
    allow: GET, HEAD, PATCH
    x-yotpo-mock-rule: path.method
    {
      "errors":[
        {
          "message":"the path does not take this method, only GET, HEAD, PATCH; methods are case-sensitive: send it in capitals"
        }
      ]
    }
    "#);
    assert_snapshot!(emulator.anonymous("Delete", &customers("")).send(), @r#"
    405
    allow: GET, HEAD, PATCH
    x-yotpo-mock-rule: path.method
    {"errors":[{"message":"the path does not take this method, only GET, HEAD, PATCH"}]}
    "#);
    for (method, path) in [("get", customers("")), ("Post", EVENTS.to_owned()), ("post", ACCESS_TOKENS.to_owned())] {
        let response = emulator.anonymous(method, &path).send();
        assert!(response.to_string().contains("case-sensitive"), "{method} {path}: {response}");
    }
}

#[test]
fn the_body_of_a_get_is_ignored_with_a_note_and_recorded() {
    let emulator = Emulator::new();
    for method in ["GET", "HEAD"] {
        let response =
            emulator.request(method, &customers("?limit=1")).body("text/plain", "limit=100").nonconforming().send();
        assert_eq!((response.status(), response.notes()), (200, vec!["body.on_get"]), "{method}");
    }
    let journal = emulator.control("GET", "/requests").send().json();
    assert_eq!(journal["requests"][0]["request"]["body"], "limit=100");
    assert!(emulator.get(&customers("")).notes().is_empty());
}

#[test]
fn a_body_over_the_limit_is_413() {
    let emulator = Emulator::with(|builder| builder.body_limit(1000));
    let body = |length: usize| json!({"customer": {"external_id": "c-1", "tags": "x".repeat(length)}}).to_string();
    let excess = 1001 - body(0).len();
    let send = |length| emulator.request("PATCH", &customers("")).body("application/json", body(length)).send();
    assert_eq!(send(excess - 1).status(), 200);
    assert_snapshot!(send(excess), @r#"
    413
    x-yotpo-mock-rule: body.size
    {"errors":[{"message":"the body is larger than the limit of 1000 bytes"}]}
    "#);
}

#[test]
fn a_chunked_body_over_the_limit_is_413() {
    let emulator = Emulator::undeclared_with(|builder| builder.body_limit(1000));
    let mut request = patch("Transfer-Encoding: chunked", b"");
    for _ in 0..3 {
        request.extend_from_slice(b"190\r\n");
        request.extend_from_slice(&[b' '; 0x190]);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    assert_snapshot!(status_and_body(&emulator.raw(&request)), @r#"
    HTTP/1.1 413 Payload Too Large
    {"errors":[{"message":"the body is larger than the limit of 1000 bytes"}]}
    "#);
}

#[test]
fn a_body_that_never_arrives_is_408() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(700)));
    assert_snapshot!(status_and_body(&emulator.raw(&patch("Content-Length: 10", b"{"))), @r#"
    HTTP/1.1 408 Request Timeout
    {"errors":[{"message":"the body did not arrive in time"}]}
    "#);
    let entries = emulator.mock.requests().entries();
    assert_eq!((entries[0].status, entries[0].rules[0].id), (408, "body.timeout"));
}

#[test]
fn a_head_that_never_arrives_is_an_empty_408() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(700)));
    assert!(emulator.raw(b"GET / HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408"));
}

#[test]
fn a_client_that_disconnects_during_its_body_changes_nothing() {
    let emulator = Emulator::undeclared();
    let mut socket = TcpStream::connect(emulator.address()).unwrap();
    socket.write_all(&patch("Content-Length: 100", b"{\"customer\":{\"external_id\":\"c-1\"}}")).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    assert_eq!(emulator.all_customers(), "");
}

#[test]
fn malformed_json_is_400_with_its_position() {
    let emulator = Emulator::new();
    let send = |body: &[u8]| emulator.request("PATCH", &customers("")).body("application/json", body).send();
    assert_snapshot!(send(b"{\"customer\":\n{\"external_id\" \"c-1\"}}"), @r#"
    400
    x-yotpo-mock-rule: body.json
    {"errors":[{"message":"the body is not valid JSON in UTF-8: expected `:` (line 2, column 16)"}]}
    "#);
    for malformed in [
        &b""[..],
        b"{",
        b"{}{}",
        b"{\"customer\":{\"external_id\":\"c-1\"}",
        b"'c-1'",
        b"NaN",
        b"{\"a\":01}",
        b"{\"a\":1,}",
    ] {
        assert_eq!(send(malformed).rule(), Some("body.json"), "{}", String::from_utf8_lossy(malformed));
    }
}

#[test]
fn invalid_unicode_is_400() {
    let emulator = Emulator::new();
    let send = |body: &[u8]| emulator.request("PATCH", &customers("")).body("application/json", body).send();
    assert_snapshot!(send(br#"{"customer":{"external_id":"\ud800"}}"#), @r#"
    400
    x-yotpo-mock-rule: body.json
    {
      "errors":[
        {
          "message":"the body is not valid JSON in UTF-8: unexpected end of hex escape (line 1, column 35)"
        }
      ]
    }
    "#);
    assert_eq!(send(br#"{"customer":{"external_id":"\udc00\ud800"}}"#).status(), 400);
    assert_eq!(send(b"{\"customer\":{\"external_id\":\"\xff\"}}").status(), 400);
    assert_eq!(send(br#"{"customer":{"external_id":"\ud83d\ude00"}}"#).status(), 200, "a pair is a character");
    assert_snapshot!(emulator.get(&customers("?email=%ff")), @r#"
    400
    x-yotpo-mock-rule: query.utf8
    {"errors":[{"message":"the query is not valid UTF-8"}]}
    "#);
    assert_eq!(emulator.get("/core/v3/stores/%ff/customers").status(), 404);
}

#[test]
fn nesting_deeper_than_128_is_400() {
    let emulator = Emulator::new();
    let nested = |depth: usize| {
        format!(r#"{{"customer":{{"external_id":"c-1","x":{}{}}}}}"#, "[".repeat(depth - 2), "]".repeat(depth - 2))
    };
    // The test's own parser does not go as deep.
    let send =
        |body: String| emulator.request("PATCH", &customers("")).body("application/json", body).nonconforming().send();
    assert_eq!(send(nested(128)).status(), 200);
    assert_snapshot!(send(nested(129)), @r#"
    400
    x-yotpo-mock-rule: body.depth
    {"errors":[{"message":"the body is nested deeper than 128 levels"}]}
    "#);
    assert_eq!(send(nested(100_000)).rule(), Some("body.depth"));
}

#[test]
fn checks_are_made_in_order() {
    let emulator = Emulator::with(|builder| builder.store("shop", "s3cret").rate_limit(1).body_limit(100));
    let token = emulator.token("shop", "s3cret").json()["access_token"].as_str().unwrap().to_owned();
    let wrong = |method, path: &str| emulator.anonymous(method, path).body("text/plain", "x".repeat(200));
    assert_eq!(wrong("POST", "/nowhere").send().status(), 404, "the path before the method");
    assert_eq!(wrong("POST", &customers("")).send().status(), 405, "the method before the token");
    assert_eq!(
        wrong("PATCH", "/core/v3/stores/shop/orders").send().status(),
        501,
        "what is not emulated needs no token"
    );
    assert_eq!(wrong("PATCH", &customers("")).send().status(), 401, "the token before the limit");
    assert_eq!(wrong("PATCH", &customers("")).token(&token).send().status(), 429, "the limit before the body");
    emulator.mock.advance(Duration::from_secs(1));
    assert_eq!(wrong("PATCH", &customers("")).token(&token).send().status(), 415, "its type before its size");
    emulator.mock.advance(Duration::from_secs(1));
    let large = emulator.anonymous("PATCH", &customers("")).token(&token).body("application/json", "x".repeat(200));
    assert_eq!(large.send().status(), 413, "its size before what it says");
}

#[test]
fn requests_are_numbered_in_order_of_arrival() {
    let emulator = Emulator::new();
    let numbers: Vec<_> = ["/nowhere", "/core/v3/stores/shop/orders", &customers("")]
        .into_iter()
        .map(|path| emulator.get(path).header("x-yotpo-mock-request").unwrap().to_owned())
        .collect();
    assert_eq!(numbers, ["1", "2", "3"]);
}

#[test]
fn the_journal_is_bounded_and_keeps_the_latest() {
    let emulator = Emulator::with(|builder| builder.journal_entries(1000));
    for _ in 0..1010 {
        emulator.anonymous("GET", "/nowhere").send();
    }
    let numbers: Vec<_> = emulator.mock.requests().entries().iter().map(|entry| entry.number).collect();
    assert_eq!((numbers.len(), numbers[0], numbers[999]), (1000, 11, 1010));
}

#[test]
fn notes_never_echo_what_the_client_sent() {
    let emulator = Emulator::new();
    let response = emulator.request("GET", &customers("?secret-thing=1&expand=secret-thing")).nonconforming().send();
    assert!(response.headers.iter().all(|(_, value)| !value.contains("secret-thing")));
}

#[test]
fn a_path_is_compared_decoded() {
    let emulator = Emulator::undeclared();
    assert!(emulator.raw_get("/%63ore/v3/stores/shop/%63ustomers").starts_with("HTTP/1.1 200"));
    assert_eq!(emulator.mock.requests().entries()[0].store(), Some("shop"));
    let health = emulator.raw_get("/%5Fmock/health");
    assert!(health.starts_with("HTTP/1.1 200") && !health.contains("ratelimit"), "{health}");
    assert_eq!(emulator.mock.requests().count(), 1, "our own surface is not journalled, however it is spelled");
}

#[test]
fn the_journal_truncates_long_values() {
    let emulator = Emulator::undeclared();
    let (method, store) = ("M".repeat(5000), "s".repeat(5000));
    emulator.raw(
        format!("{method} /core/v3/stores/{store}/customers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .as_bytes(),
    );
    let entry = &emulator.mock.requests().entries()[0];
    assert_eq!([entry.method().len(), entry.path().len(), entry.store().unwrap().len()], [512; 3]);
}
