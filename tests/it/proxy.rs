//! The emulator as a proxy: Yotpo's hosts are itself, and other hosts are blocked unless a flag allows them.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use serde_json::json;
use yotpo_mock::YotpoMock;

use crate::support::{Connection, Emulator, customers};

/// Asks for a tunnel; gives what is at its end.
fn tunnel(emulator: &Emulator, target: &str) -> Connection {
    let mut connection = Connection::open(emulator.address());
    connection.send(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: keep-alive\r\n\r\n"));
    let opened = connection.response().expect("an answer");
    assert_eq!(opened.status(), 200, "{target}: {opened}");
    connection
}

/// Sends a head and reads until the server closes: the status and the body.
fn rejected(emulator: &Emulator, head: &str) -> String {
    let response = emulator.raw(format!("{head}\r\nHost: elsewhere\r\n\r\n").as_bytes());
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    assert!(head.to_lowercase().contains("connection: close"), "{response}");
    format!("{}\n{body}", head.lines().next().unwrap_or_default())
}

#[test]
fn tunnels_to_yotpo_and_to_the_emulator_end_in_the_emulator() {
    let emulator = Emulator::undeclared();
    let own = emulator.address();
    for target in [
        "api.yotpo.com:443".to_owned(),
        "API.YOTPO.COM:443".to_owned(),
        "api.yotpo.com.:80".to_owned(),
        "developers.yotpo.com:443".to_owned(),
        own.to_string(),
        format!("localhost:{}", own.port()),
        format!("[::1]:{}", own.port()),
    ] {
        let mut inside = tunnel(&emulator, &target);
        for _ in 0..3 {
            let page = inside.get(&customers("")).expect("the connection is kept");
            assert_eq!(page.status(), 200, "{target}");
        }
    }
    assert_eq!(emulator.mock.requests().count(), 21, "and nothing but the requests is journalled");
}

#[test]
fn an_absolute_url_is_handled_as_its_path() {
    let emulator = Emulator::undeclared();
    let own = emulator.mock.url();
    let mut connection = Connection::open(emulator.address());
    for origin in ["http://api.yotpo.com", "https://api.yotpo.com", "https://developers.yotpo.com:443", own] {
        connection.send(format!(
            "GET {origin}{} HTTP/1.1\r\nHost: api.yotpo.com\r\nX-Yotpo-Token: any\r\n\r\n",
            customers("?limit=1")
        ));
        let page = connection.response().expect("the connection is kept");
        page.conforms("GET", &customers(""));
        assert_eq!(page.status(), 200, "{origin}");
    }
    for entry in emulator.mock.requests().entries() {
        assert_eq!((entry.path(), entry.query()), (&*customers(""), json!({"limit": "1"})));
    }
}

#[test]
fn the_control_api_is_not_at_yotpos_hosts() {
    let emulator = Emulator::undeclared();
    let mut inside = tunnel(&emulator, "api.yotpo.com:443");
    inside.send("GET /_mock/health HTTP/1.1\r\nHost: api.yotpo.com\r\n\r\n");
    assert_eq!(inside.response().expect("an answer").rule(), Some("path.unknown"));
    let mut whole = Connection::open(emulator.address());
    whole.send("GET http://api.yotpo.com/_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(whole.response().expect("an answer").rule(), Some("path.unknown"));
}

#[test]
fn other_hosts_are_blocked_with_an_explanation() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(rejected(&emulator, "CONNECT registry.example.com:443 HTTP/1.1"), @r#"
    HTTP/1.1 403 Forbidden
    {"error":"this proxy reaches the emulated API only, not `registry.example.com`","hint":"`--proxy-passthrough registry.example.com` allows it"}
    "#);
    assert_snapshot!(rejected(&emulator, "GET http://registry.example.com/path HTTP/1.1"), @r#"
    HTTP/1.1 403 Forbidden
    {"error":"this proxy reaches the emulated API only, not `registry.example.com`","hint":"`--proxy-passthrough registry.example.com` allows it"}
    "#);
    for target in
        ["localhost:1", "127.0.0.1:1", "[::1]:1", "yotpo.com:443", "api.yotpo.com.evil.example:443", "192.0.2.1:443"]
    {
        let response = rejected(&emulator, &format!("CONNECT {target} HTTP/1.1"));
        assert!(response.starts_with("HTTP/1.1 403"), "{target}: {response}");
    }
    assert!(emulator.mock.requests().is_empty(), "none of them was for Yotpo");
}

#[test]
fn an_invalid_connect_target_is_400_with_an_explanation() {
    let emulator = Emulator::undeclared();
    assert_snapshot!(rejected(&emulator, "CONNECT api.yotpo.com HTTP/1.1"), @r#"
    HTTP/1.1 400 Bad Request
    {"error":"invalid CONNECT: `api.yotpo.com` is not a host and a port","hint":"send a host and a port: `CONNECT api.yotpo.com:443 HTTP/1.1`"}
    "#);
    for line in [
        "CONNECT  HTTP/1.1",
        "CONNECT :443 HTTP/1.1",
        "CONNECT api.yotpo.com:0 HTTP/1.1",
        "CONNECT api.yotpo.com:65536 HTTP/1.1",
        "CONNECT api.yotpo.com:https HTTP/1.1",
        "CONNECT https://api.yotpo.com:443 HTTP/1.1",
        "CONNECT ann@api.yotpo.com:443 HTTP/1.1",
        "CONNECT /core/v3 HTTP/1.1",
        "CONNECT [::1:443 HTTP/1.1",
        "CONNECT api.yotpo.com:443",
        "CONNECT api.yotpo.com:443 HTTP/2.0",
        "CONNECT api.yotpo.com:443 HTTP/1.1 again",
        "CONNECT \u{1b}[31m:443 HTTP/1.1",
    ] {
        let response = rejected(&emulator, line);
        assert!(response.starts_with("HTTP/1.1 400"), "{line:?}: {response}");
    }
    let long = format!("CONNECT api.yotpo.com:443 HTTP/1.1\r\nX-Long: {}", "a".repeat(64 * 1024));
    assert!(rejected(&emulator, &long).starts_with("HTTP/1.1 400"));
    let mut later = Connection::open(emulator.address());
    assert_eq!(later.get(&customers("")).expect("an answer").status(), 200);
    later.send("CONNECT api.yotpo.com:443 HTTP/1.1\r\nHost: api.yotpo.com\r\n\r\n");
    assert_eq!(later.response().expect("an answer").status(), 400, "it begins a connection");
    assert!(later.response().is_none());
    assert_eq!(emulator.get(&customers("")).status(), 200);
}

#[test]
fn a_connect_may_arrive_byte_by_byte_or_with_data_behind_it() {
    let emulator = Emulator::undeclared();
    let head = "CONNECT api.yotpo.com:443 HTTP/1.1\r\nHost: api.yotpo.com:443\r\n\r\n";
    let mut slow = Connection::open(emulator.address());
    for byte in head.bytes() {
        slow.send([byte]);
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(slow.response().expect("an answer").status(), 200);
    assert_eq!(slow.get(&customers("")).expect("an answer").status(), 200);
    let mut hasty = Connection::open(emulator.address());
    hasty.send(format!("{head}GET {} HTTP/1.1\r\nHost: a\r\nX-Yotpo-Token: any\r\n\r\n", customers("")));
    assert_eq!(hasty.response().expect("the tunnel").status(), 200);
    hasty.response().expect("an answer").conforms("GET", &customers(""));
}

/// A host that gives back whatever it is sent.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut from, mut to) = (stream.as_ref().expect("a client"), stream.as_ref().expect("a client"));
            let _ = io::copy(&mut from, &mut to);
        }
    });
    port
}

#[test]
fn an_allowed_host_is_proxied_unchanged() {
    let echo = format!("127.0.0.1:{}", echo());
    let emulator = Emulator::undeclared_with(|builder| {
        builder.proxy_passthrough(&*echo).proxy_passthrough("nowhere.invalid").proxy_passthrough("plain.invalid:80")
    });
    let mut inside = tunnel(&emulator, &echo);
    // Bytes that would be parsed as a tunnel and as TLS outside of one.
    let sent = b"CONNECT api.yotpo.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01".repeat(10_000);
    inside.send(&sent);
    inside.finish();
    let mut echoed = Vec::new();
    inside.read_to_end(&mut echoed).expect("all comes back");
    assert!(echoed == sent);
    let mut own = tunnel(&emulator, &emulator.address().to_string());
    assert_eq!(own.get(&customers("")).expect("an answer").status(), 200, "itself it still answers");
    let lost = rejected(&emulator, "CONNECT nowhere.invalid:443 HTTP/1.1");
    assert!(
        lost.starts_with("HTTP/1.1 502 Bad Gateway\n{\"error\":\"`nowhere.invalid:443` cannot be reached: "),
        "{lost}"
    );
    assert_snapshot!(rejected(&emulator, "GET http://plain.invalid/ HTTP/1.1"), @r#"
    HTTP/1.1 501 Not Implemented
    {"error":"the proxy forwards to `plain.invalid` by CONNECT only","hint":"use an `https://` URL, or list the host in `NO_PROXY`"}
    "#);
}

#[test]
fn an_allowed_host_is_reached_on_its_port_only() {
    let emulator = Emulator::undeclared_with(|builder| {
        builder.proxy_passthrough("nowhere.invalid").proxy_passthrough("other.invalid:8443").proxy_passthrough("::1")
    });
    let status = |target: &str| rejected(&emulator, &format!("CONNECT {target} HTTP/1.1"))[9..12].to_owned();
    assert_eq!(["nowhere.invalid:443", "NOWHERE.invalid.:443", "other.invalid:8443"].map(status), ["502"; 3]);
    for target in ["nowhere.invalid:22", "other.invalid:443", "[::1]:22", "sub.nowhere.invalid:443"] {
        assert_eq!(status(target), "403", "{target}");
    }
    assert_snapshot!(rejected(&emulator, "CONNECT nowhere.invalid:22 HTTP/1.1"), @r#"
    HTTP/1.1 403 Forbidden
    {"error":"this proxy reaches the emulated API only, not `nowhere.invalid:22`","hint":"`--proxy-passthrough nowhere.invalid:22` allows it"}
    "#);
}

#[test]
fn a_host_that_can_never_match_is_an_error_at_the_start() {
    let error = |host: &str| YotpoMock::builder().proxy_passthrough(host).try_start().unwrap_err();
    for host in [
        "api.yotpo.com",
        "Developers.yotpo.com:80",
        "",
        "example.com/path",
        "*",
        ".example",
        "*.example.com",
        "[::1",
        "a b",
        "ann@example.com",
        "example.com:0",
        "example.com:http",
        "https://example.com",
    ] {
        assert_eq!(error(host).to_string(), format!("the proxy cannot forward to `{host}`"));
    }
    assert_snapshot!(error("*").hint(), @"`--proxy-passthrough` is HOST or HOST:PORT, by default with port 443, and not one of Yotpo's hosts");
}

#[test]
fn many_tunnels_are_open_at_once_and_closed_by_the_stop() {
    let through = format!("127.0.0.1:{}", echo());
    let emulator = Emulator::undeclared_with(|builder| builder.proxy_passthrough(&*through));
    let mut open: Vec<_> = (0..300).map(|_| tunnel(&emulator, "api.yotpo.com:443")).collect();
    open.push(tunnel(&emulator, &through));
    for inside in open.iter_mut().take(300).step_by(7) {
        assert_eq!(inside.get(&customers("")).expect("an answer").status(), 200);
    }
    drop(emulator);
    for mut inside in open {
        let mut rest = [0];
        assert!(matches!(inside.read(&mut rest), Ok(0) | Err(_)), "it is closed");
    }
}

#[test]
fn an_idle_tunnel_is_closed() {
    let emulator = Emulator::undeclared_with(|builder| builder.read_timeout(Duration::from_millis(200)));
    let mut half = tunnel(&emulator, "api.yotpo.com:443");
    let mut unfinished = Connection::open(emulator.address());
    unfinished.send("CONNECT api.yotpo.com:443 HTTP/1.1\r\nHost:");
    let begun = Instant::now();
    assert!(half.response().is_none());
    assert_eq!(unfinished.response().expect("an answer").status(), 408);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut gone = tunnel(&emulator, "api.yotpo.com:443");
    gone.finish();
    assert!(gone.response().is_none());
    let mut abrupt = TcpStream::connect(emulator.address()).expect("it listens");
    abrupt.write_all(b"CONNECT api.yotpo.com:443 HT").expect("it reads");
    drop(abrupt);
    assert_eq!(emulator.get(&customers("")).status(), 200);
}

/// The log lines that explain a failing test.
#[cfg(feature = "cli")]
#[test]
fn blocked_hosts_are_logged() {
    use crate::process::Process;

    let process = Process::with(&["--quiet"]);
    for line in [
        "CONNECT registry.example.com:443",
        "GET http://ann:hush@registry.example.com/ann@example.com",
        "CONNECT nowhere",
        "CONNECT ann:hush@registry.example.com:443",
        "CONNECT ann:hush@registry.example.com 443",
    ] {
        let mut connection = Connection::open(process.address());
        connection.send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(connection.response().is_some());
    }
    let (_, _, log) = process.stop("TERM");
    let log: Vec<_> = log.lines().filter_map(|line| line.split_once(" WARN ")).collect();
    let messages: Vec<_> = log.into_iter().map(|(_, messages)| messages).collect();
    assert_snapshot!(messages.join("\n"), @"
    refused to proxy to `registry.example.com:443`; `--proxy-passthrough registry.example.com` allows it
    refused to proxy to `registry.example.com`; `--proxy-passthrough registry.example.com` allows it
    rejected a CONNECT: `nowhere` is not a host and a port
    rejected a CONNECT: `registry.example.com:443` is not a host and a port
    rejected a CONNECT: `registry.example.com 443 HTTP/1.1` is not a request line
    ");
}
