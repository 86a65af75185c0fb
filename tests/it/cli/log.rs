//! The log on stderr.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::process::Process;
#[cfg(target_os = "linux")]
use crate::process::{terminal, yotpo_mock};

const CUSTOMERS: &str = "/core/v3/stores/shop/customers";

#[test]
fn the_log_has_a_line_per_request_and_never_a_secret() {
    let process = Process::with(&["--verbose"]);
    let response = process.send("POST", "/core/v3/stores/shop/access_tokens", "", r#"{"secret":"hush-hush"}"#);
    let token = response.rsplit('"').nth(1).expect("a token").to_owned();
    process.send("GET", &format!("/core/v3/stores/shop/customers?access_token={token}&email=ann@example.com"), "", "");
    process.send(
        "PATCH",
        "/core/v3/stores/ann%40example.com/customers",
        "X-Yotpo-Token: hidden\r\n",
        r#"{"customer":{"email":"x@y.zz"}}"#,
    );
    let (_, _, log) = process.stop("TERM");
    for secret in ["hush-hush", &token, "ann@example.com", "ann%40", "hidden", "x@y.zz", "email="] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    let lines: Vec<_> = log.lines().filter(|line| line.contains("INFO request ")).collect();
    assert_eq!(lines.len(), 3, "{log}");
    for part in ["GET", "/core/v3/stores/shop/customers", "status=200", "duration", "shop"] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }
}

#[test]
fn the_log_can_be_json() {
    let process = Process::with(&["--log-format", "json"]);
    process.get(&format!("{CUSTOMERS}?limit=0&email=ann@example.com"));
    process.get("/_mock/nowhere");
    let url = process.url.clone();
    let (_, _, log) = process.stop("TERM");
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let line_object = line.as_object_mut().expect("an object");
        assert!(line_object.remove("timestamp").is_some_and(|time| time.is_string()));
        if let Some(duration) = line_object.remove("duration_us") {
            assert!(duration.is_u64(), "{duration}");
        }
        line.to_string().replace(&url, "URL")
    };
    assert_snapshot!(log.lines().map(line).collect::<Vec<_>>().join("\n"), @r#"
    {"customers":0,"events":0,"level":"INFO","message":"seeded","settings":{"body_limit":1048576,"empty_result":"ok","enforce_deprecations":false,"issued_tokens_only":false,"rate_limit":0,"validation":"strict","visibility_delay_ms":0},"stores":0}
    {"control_url":"URL/_mock","level":"INFO","message":"ready","stores":[],"url":"URL","version":"0.1.0"}
    {"level":"INFO","message":"request","method":"GET","notes":["token.undeclared"],"number":1,"operation":"retrieveCustomers","path":"/core/v3/stores/shop/customers","query":["limit","email"],"reason":"query.limit.range: must be a whole number from 1 to 100","rules":["query.limit.range"],"status":400,"store":"shop"}
    {"level":"INFO","message":"control request rejected","method":"GET","path":"/_mock/nowhere","status":404}
    {"injected":0,"level":"INFO","message":"stopped","requests":1,"server_errors":0,"unmatched":0}
    "#);
}

/// What a person sees who starts the mock on a terminal and sends some requests.
#[cfg(target_os = "linux")]
fn on_a_terminal(no_color: &str) -> String {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;
    use std::thread;

    let (mut user, program) = terminal();
    let screen = thread::spawn(move || {
        let mut screen = Vec::new();
        let mut bytes = [0; 4096];
        // An error says that no program holds the terminal any more.
        while let Ok(count) = user.read(&mut bytes) {
            screen.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8(screen).expect("UTF-8").replace('\r', "")
    });
    let mut command = yotpo_mock(&["--port", "0", "--store", "shop:s3cret"]);
    let child = command.env("NO_COLOR", no_color).stdout(Stdio::piped()).stderr(program).spawn();
    let mut child = child.expect("the binary starts");
    drop(command);
    let mut ready = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut ready).expect("a line");
    let url = ready.trim_end().strip_prefix("yotpo-mock listening on ").expect("the ready line").to_owned();
    let agent = crate::support::agent();
    let token = {
        let mut response =
            agent.post(format!("{url}/core/v3/stores/shop/access_tokens")).send(r#"{"secret":"s3cret"}"#);
        let body: Value = response.as_mut().expect("a response").body_mut().read_json().expect("JSON");
        body["access_token"].as_str().expect("a token").to_owned()
    };
    let get = |path: &str| {
        let _ = agent.get(format!("{url}{path}")).header("X-Yotpo-Token", &token).call();
    };
    let post = |path: &str, body: &Value| {
        let _ = agent.post(format!("{url}{path}")).send(body.to_string());
    };
    get(&format!("{CUSTOMERS}?limit=0&email=ann@example.com"));
    get(&format!("{CUSTOMERS}?surprise=1"));
    post("/_mock/faults", &json!({"status": 503, "times": 1}));
    post("/_mock/faults", &json!({"times": 0}));
    get(CUSTOMERS);
    post("/_mock/faults", &json!({"connection": "close", "times": 1}));
    get(CUSTOMERS);
    let stopped = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(stopped.expect("kill is there").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    screen.join().expect("it read").replace(&url, "URL")
}

/// The lines of a log without times and durations.
#[cfg(target_os = "linux")]
fn without_times(log: &str) -> String {
    let without = |line: &str| match (line.split_once('Z'), line.split_once(" ms  ")) {
        (Some(_), Some((head, rest))) => {
            let (head, _) = head.split_once('Z').expect("a time").1.rsplit_once(' ').expect("a duration");
            format!("TIME{} TIME  {rest}", head.trim_end())
        }
        (Some((_, rest)), None) => format!("TIME{rest}"),
        _ => line.to_owned(),
    };
    log.lines().map(without).collect::<Vec<_>>().join("\n")
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_shows_a_banner_a_line_per_request_and_a_summary() {
    assert_snapshot!(without_times(&on_a_terminal("1")), @r#"

    yotpo-mock 0.1.0
      emulated API  URL, and by TLS at the same port
      control API   URL/_mock
      stores        shop
      clients       set their base URL to that of the emulated API, or run: eval "$(yotpo-mock env --url URL)"

    TIME    #1 POST   200 TIME  /core/v3/stores/shop/access_tokens
    TIME    #2 GET    400 TIME  /core/v3/stores/shop/customers?limit&email  query.limit.range: must be a whole number from 1 to 100
    TIME    #3 GET    200 TIME  /core/v3/stores/shop/customers?surprise  notes: query.unknown_parameter
    TIME  INFO control request rejected method=POST path="/_mock/faults" status=400
    TIME    #4 GET    503 TIME  /core/v3/stores/shop/customers  fault 1
    TIME    #5 GET    --- TIME  /core/v3/stores/shop/customers  fault 2

    stopped after 5 requests: 0 unmatched, 2 with an injected fault, 0 server errors
    "#);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_shows_statuses_in_color() {
    let screen = on_a_terminal("");
    for status in
        ["\u{1b}[32m200\u{1b}[0m", "\u{1b}[33m400\u{1b}[0m", "\u{1b}[31m503\u{1b}[0m", "\u{1b}[31m---\u{1b}[0m"]
    {
        assert!(screen.contains(status), "{status:?} in {screen}");
    }
}

#[test]
fn an_unread_log_blocks_nothing() {
    let process = Process::with(&["--verbose"]);
    let store = "s".repeat(400);
    for _ in 0..500 {
        let response = process.get(&format!("/core/v3/stores/{store}/customers"));
        assert!(response.starts_with("HTTP/1.1 200"));
    }
    let (code, _, log) = process.stop("TERM");
    assert_eq!(code, Some(0));
    assert!(log.len() > 64 * 1024, "more than a pipe holds");
}
