//! Who may use the control surface.

use std::net::Ipv4Addr;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use yotpo_mock::Host;

use crate::support::{EVENTS, Emulator, customers};

#[test]
fn a_page_of_another_origin_is_rejected() {
    let emulator = Emulator::undeclared();
    let from = |origin: &str| emulator.control("POST", "/reset").header("Origin", origin).send();
    assert_snapshot!(from("https://evil.example"), @r#"
    403
    {
      "error":"pages of `https://evil.example` may not use the control API",
      "hint":"`--cors https://evil.example` allows them"
    }
    "#);
    assert_eq!(from("null").status(), 403);
    assert_eq!(from("http://localhost:1").status(), 403, "another port is another origin");
    let own = emulator.mock.url();
    let response = from(own);
    assert_eq!((response.status(), response.header("access-control-allow-origin")), (200, None));
    let health = emulator.control("GET", "/health").header("Origin", "https://evil.example").send();
    assert_eq!(health.status(), 403);
}

/// The status and the body of a request with these headers, each line with its end.
fn get_with(emulator: &Emulator, path: &str, headers: &str) -> (String, String) {
    let head = format!("GET {path} HTTP/1.1\r\nX-Yotpo-Token: any\r\n{headers}Connection: close\r\n\r\n");
    let response = emulator.raw(head.as_bytes());
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    (head[9..12].to_owned(), body.to_owned())
}

#[test]
fn a_page_of_another_origin_may_not_use_the_emulated_api() {
    let emulator = Emulator::undeclared();
    // A POST of a form or of plain text, which browsers send without a preflight.
    let event = json!({"customer_event": {"type": "seen", "unique_id": "e-1", "customer": {"external_id": "c-1"}}});
    let event = event.to_string();
    let post = format!(
        "POST {EVENTS}?access_token=any HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{event}",
        event.len()
    );
    let response = emulator.raw(post.as_bytes());
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    let body = response.split_once("\r\n\r\n").expect("a head").1;
    assert_snapshot!(body, @r#"{"error":"pages of `https://evil.example` may not use the emulated API","hint":"`--cors https://evil.example` allows them"}"#);
    let own = emulator.mock.url().replace("http://", "Host: ");
    for (headers, status) in [
        (format!("{own}\r\n"), "200"),
        (format!("{own}\r\nOrigin: {}\r\n", emulator.mock.url()), "200"),
        (format!("{own}\r\nOrigin: null\r\n"), "403"),
        (format!("{own}\r\nSec-Fetch-Site: cross-site\r\n"), "403"),
        (format!("{own}\r\nSec-Fetch-Site: same-site\r\n"), "403"),
        (format!("{own}\r\nSec-Fetch-Site: same-origin\r\n"), "200"),
        (format!("{own}\r\nSec-Fetch-Site: none\r\n"), "200"),
        (format!("{own}\r\nOrigin: {}\r\nOrigin: https://evil.example\r\n", emulator.mock.url()), "403"),
    ] {
        assert_eq!(get_with(&emulator, &customers(""), &headers).0, status, "{headers}");
        assert_eq!(get_with(&emulator, "/_mock/clock", &headers).0, status, "{headers}");
    }
    assert!(emulator.mock.store("shop").events().is_empty());
    let any = Emulator::undeclared_with(|builder| builder.cors("https://shop.example"));
    let headers = "Host: localhost\r\nOrigin: https://shop.example\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(get_with(&any, &customers(""), headers).0, "200");
}

#[test]
fn a_host_that_is_none_is_rejected() {
    let emulator = Emulator::undeclared();
    for host in
        ["[::1]evil.example", "[::1]evil", "[::1", "evil\u{e9}", "a b", "localhost:x", "localhost, evil.example"]
    {
        let headers = format!("Host: {host}\r\n");
        assert_eq!(get_with(&emulator, &customers(""), &headers).0, "403", "{host}");
        assert_eq!(get_with(&emulator, "/_mock/clock", &headers).0, "403", "{host}");
    }
}

#[test]
fn responses_of_the_control_api_are_not_for_other_sites() {
    let emulator = Emulator::undeclared();
    for path in ["/health", "/clock", "/nowhere", "/openapi.json"] {
        let response = emulator.control("GET", path).nonconforming().send();
        let headers = ["x-content-type-options", "cross-origin-resource-policy"].map(|name| response.header(name));
        assert_eq!(headers, [Some("nosniff"), Some("same-origin")], "{path}");
    }
    let allowed = Emulator::undeclared_with(|builder| builder.cors("http://localhost:3000"));
    let response = allowed.control("GET", "/clock").header("Origin", "http://localhost:3000").send();
    assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
}

#[test]
fn a_foreign_host_is_rejected_unless_it_is_allowed() {
    let rejected = |emulator: &Emulator, host: &str| emulator.control("GET", "/clock").header("Host", host).send();
    let emulator = Emulator::undeclared();
    assert_snapshot!(rejected(&emulator, "evil.example"), @r#"
    403
    {
      "error":"the control API is not available at the host `evil.example`",
      "hint":"`--control-host evil.example` allows it"
    }
    "#);
    for own in PRIVATE_HOSTS {
        assert_eq!(rejected(&emulator, own).status(), 200, "{own}");
    }
    for foreign in PUBLIC_HOSTS {
        assert_eq!(rejected(&emulator, foreign).status(), 403, "{foreign}");
    }
    let named = Emulator::undeclared_with(|builder| builder.control_host("Mock.Example.com."));
    assert_eq!(rejected(&named, "mock.example.COM.:4600").status(), 200);
    assert_eq!(rejected(&named, "other.example.com").status(), 403);
    assert_eq!(rejected(&Emulator::undeclared_with(|builder| builder.control_host("*")), "any.example").status(), 200);
}

/// Hosts that public DNS cannot point to this machine.
const PRIVATE_HOSTS: [&str; 12] = [
    "localhost",
    "LOCALHOST.localhost:4600",
    "127.0.0.1:1",
    "127.9.9.9",
    "[::1]:4600",
    "10.0.0.1",
    "[::2]",
    "yotpo-mock:4600",
    "yotpo-mock.",
    "host.docker.internal",
    "mac.LOCAL.:4600",
    "mock.shop.test",
];

const PUBLIC_HOSTS: [&str; 6] = [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example:80",
    "internal.example",
    "mylocal.com",
    "a.tests",
];

#[test]
fn health_is_available_at_any_host() {
    let emulator = Emulator::undeclared_with(|builder| builder.control_token("hush"));
    for host in PRIVATE_HOSTS.into_iter().chain(PUBLIC_HOSTS) {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                emulator.control(method, "/health").header("Host", host).send().status(),
                200,
                "{method} {host}"
            );
        }
    }
}

/// As [`get_with`], at a host.
fn get_at(emulator: &Emulator, host: &str, path: &str) -> (String, String) {
    get_with(emulator, path, &format!("Host: {host}\r\n"))
}

#[test]
fn the_emulated_api_is_available_at_private_hosts_yotpos_and_named_ones() {
    let emulator = Emulator::undeclared_with(|builder| builder.control_host("mock.example.com"));
    let get = |host: &str| get_at(&emulator, host, &customers(""));
    for host in PRIVATE_HOSTS.into_iter().chain(["API.Yotpo.com.:443", "developers.yotpo.com", "mock.example.com:80"]) {
        assert_eq!(get(host).0, "200", "{host}");
    }
    let count = emulator.mock.requests().count();
    assert_snapshot!(get("evil.example:80").1, @r#"{"error":"the emulated API is not available at the host `evil.example`","hint":"`--control-host evil.example` allows it"}"#);
    for host in PUBLIC_HOSTS.into_iter().chain(["yotpo.com", "api.yotpo.com.evil.example"]) {
        assert_eq!(get(host).0, "403", "{host}");
    }
    assert_eq!(emulator.mock.requests().count(), count, "the journal has requests to the API only");
}

#[test]
fn an_emulator_on_a_network_address_answers_at_any_host() {
    let emulator = Emulator::undeclared_with(|builder| builder.host(Host::Address(Ipv4Addr::UNSPECIFIED.into())));
    let get = |path: &str| get_at(&emulator, "ci.example.com", path).0;
    assert_eq!([get(&customers("")), get("/_mock/health"), get("/_mock/clock")], ["200", "200", "403"]);
}

#[test]
fn yotpos_hosts_have_no_control_api() {
    let emulator = Emulator::undeclared_with(|builder| builder.control_host("*"));
    for host in ["api.yotpo.com", "API.YOTPO.COM.", "developers.yotpo.com:443"] {
        let response =
            emulator.raw(format!("GET /_mock/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(response.starts_with("HTTP/1.1 404") && response.contains("is not a path of this API"), "{response}");
        assert!(
            emulator
                .raw(
                    format!(
                        "GET {} HTTP/1.1\r\nHost: {host}\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\r\n",
                        customers("")
                    )
                    .as_bytes()
                )
                .starts_with("HTTP/1.1 200")
        );
    }
    assert_eq!(emulator.mock.requests().count(), 6);
}

#[test]
fn everything_but_health_requires_the_control_token() {
    let emulator = Emulator::undeclared_with(|builder| builder.control_token("hush"));
    assert_snapshot!(emulator.control("GET", "/clock").send(), @r#"
    401
    {
      "error":"the control API requires its token",
      "hint":"send `Authorization: Bearer` with the value of `--control-token`"
    }
    "#);
    for wrong in ["Bearer wrong", "hush", "Basic hush"] {
        assert_eq!(emulator.control("GET", "/clock").header("Authorization", wrong).send().status(), 401, "{wrong}");
    }
    assert_eq!(emulator.control("GET", "/clock").header("Authorization", "Bearer hush").send().status(), 200);
    assert_eq!(emulator.control("GET", "/health").send().status(), 200);
    assert_eq!(emulator.get(&customers("")).status(), 200, "the emulated API has its own tokens");
}

#[test]
fn pages_of_an_allowed_origin_may_use_both_apis() {
    let emulator = Emulator::undeclared_with(|builder| builder.cors("http://localhost:3000"));
    let raw = |method: &str, path: &str| {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\nOrigin: http://localhost:3000\r\n\
             Access-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: x-yotpo-token\r\nConnection: close\r\n\r\n"
        );
        emulator.raw(head.as_bytes())
    };
    for (method, path, status) in
        [("GET", "/_mock/clock", "200"), ("GET", &customers(""), "200"), ("OPTIONS", &customers(""), "204")]
    {
        let response = raw(method, path);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
        assert!(response.contains("access-control-allow-origin: http://localhost:3000"), "{response}");
    }
    assert!(raw("OPTIONS", &customers("")).contains("access-control-allow-headers: x-yotpo-token"));
    assert_eq!(emulator.control("GET", "/clock").header("Origin", "http://localhost:3001").send().status(), 403);
}

#[test]
fn a_control_body_over_its_limit_is_413() {
    let emulator = Emulator::undeclared_with(|builder| builder.control_body_limit(20));
    let body = json!({"now": "2026-01-01T00:00:00Z"});
    assert_snapshot!(emulator.control("PUT", "/clock").json(body).send(), @r#"
    413
    {
      "error":"the body is larger than 20 bytes",
      "hint":"send it in parts, or raise `--control-body-limit`"
    }
    "#);
}

#[test]
fn a_control_body_that_is_declared_too_large_or_that_pauses_is_not_waited_for() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(100)));
    let post = |length: u64| {
        let head = "POST /_mock/seed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        let response = emulator.raw(format!("{head}Content-Length: {length}\r\n\r\n{{").as_bytes());
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        format!("{}\n{body}", head.lines().next().expect("a status line"))
    };
    assert_snapshot!(post(1 << 40), @r#"
    HTTP/1.1 413 Payload Too Large
    {"error":"the body is larger than 268435456 bytes","hint":"send it in parts, or raise `--control-body-limit`"}
    "#);
    assert_snapshot!(post(100), @r#"
    HTTP/1.1 408 Request Timeout
    {"error":"the body paused for 0.1 s","hint":"send it without a pause, or raise `--read-timeout`"}
    "#);
}
