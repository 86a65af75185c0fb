//! Shared by the tests: an emulator with a frozen clock, and a client that checks every
//! response against the OpenAPI documents.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{Method, Request as HttpRequest};
use yotpo_mock::{Builder, Event, YotpoMock};

use crate::conformance::{CONTROL, CUSTOMERS, Contract};

/// The time of the tests, until they advance it.
pub const NOW: &str = "2026-01-01T00:00:00Z";

/// The path of the customers of the store `shop`, with what follows it.
pub fn customers(rest: &str) -> String {
    format!("/core/v3/stores/shop/customers{rest}")
}

/// The path of the custom events of the store `shop`.
pub const EVENTS: &str = "/core/v3/stores/shop/customer_events";

/// The path on which the store `shop` gets its tokens.
pub const ACCESS_TOKENS: &str = "/core/v3/stores/shop/access_tokens";

/// An emulator with its clock frozen at [`NOW`], and a client.
pub struct Emulator {
    pub mock: YotpoMock,
    agent: Agent,
    token: String,
}

impl Emulator {
    /// Starts an emulator with default settings, the store `shop` and a token of it.
    pub fn new() -> Emulator {
        Emulator::with(|builder| builder)
    }

    /// Starts an emulator with other settings, the store `shop` and a token of it.
    pub fn with(settings: impl FnOnce(Builder) -> Builder) -> Emulator {
        let mut emulator = Emulator::undeclared_with(settings);
        emulator.token = emulator.mock.store("shop").access_token();
        emulator
    }

    /// Starts an emulator with default settings and no store. Its client sends a token that was never issued.
    pub fn undeclared() -> Emulator {
        Emulator::undeclared_with(|builder| builder)
    }

    pub fn undeclared_with(settings: impl FnOnce(Builder) -> Builder) -> Emulator {
        let now: DateTime<Utc> = NOW.parse().expect("a valid time");
        Emulator {
            mock: settings(YotpoMock::builder().frozen_at(now)).start(),
            agent: agent(),
            token: "any".to_owned(),
        }
    }

    /// An emulator that starts with a seed.
    pub fn seeded(document: &str) -> Emulator {
        Emulator::with(|builder| builder.seed(document))
    }

    /// Prepares a request with the client's token.
    pub fn request<'a>(&'a self, method: &'a str, path: &str) -> Request<'a> {
        self.anonymous(method, path).token(&self.token)
    }

    /// Prepares a request without a token.
    pub fn anonymous<'a>(&'a self, method: &'a str, path: &str) -> Request<'a> {
        Request { emulator: self, method, path: path.to_owned(), headers: Vec::new(), body: None, nonconforming: false }
    }

    /// Prepares a request to our own surface, by the path below `/_mock`.
    pub fn control<'a>(&'a self, method: &'a str, path: &str) -> Request<'a> {
        self.anonymous(method, &format!("/_mock{path}"))
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path).send()
    }

    /// Reads the customers of the store `shop` with a token.
    pub fn get_with_token(&self, token: &str) -> Response {
        self.anonymous("GET", &customers("")).token(token).send()
    }

    /// Creates or updates a customer of the store `shop`.
    pub fn upsert(&self, customer: Value) -> Response {
        self.request("PATCH", &customers("")).json(json!({ "customer": customer })).send()
    }

    /// Sends a custom event to the store `shop`.
    pub fn event(&self, event: Value) -> Response {
        self.request("PATCH", EVENTS).json(json!({ "customer_event": event })).send()
    }

    /// Asks for a token of a store.
    pub fn token(&self, store: &str, secret: &str) -> Response {
        self.anonymous("POST", &format!("/core/v3/stores/{store}/access_tokens"))
            .json(json!({ "secret": secret }))
            .send()
    }

    /// All customers of the store `shop`, a line each, less what is not set.
    pub fn all_customers(&self) -> String {
        self.get(&customers("?include_custom_properties=true")).customers()
    }

    /// The custom events of the store `shop`. Reading them does not create the store.
    pub fn events(&self) -> Vec<Event> {
        let is_known = self.mock.store_ids().iter().any(|id| id == "shop");
        let events = is_known.then(|| self.mock.store("shop").events());
        events.unwrap_or_default()
    }

    /// Adds a fault; gives its id.
    pub fn fault(&self, spec: Value) -> u64 {
        let added = self.control("POST", "/faults").json(spec).send();
        assert_eq!(added.status(), 201, "{added}");
        added.json()["id"].as_u64().expect("an id")
    }

    /// The socket's address, for what a well-behaved client would never send.
    pub fn address(&self) -> SocketAddr {
        self.mock.url().trim_start_matches("http://").parse().expect("a url of an address")
    }

    /// Gets a path byte by byte, as it is spelled.
    pub fn raw_get(&self, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\nConnection: close\r\n\r\n");
        self.raw(head.as_bytes())
    }

    /// Sends bytes as they are and reads until the server closes.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.address()).expect("the emulator listens");
        socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout can be set");
        // A server that rejects early may close before all is written.
        let _ = socket.write_all(bytes);
        let mut response = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = socket.read(&mut chunk) {
            response.extend_from_slice(&chunk[..read]);
        }
        String::from_utf8_lossy(&response).into_owned()
    }
}

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(20);

/// One connection, on which bytes go out as they are.
pub struct Connection {
    socket: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: impl ToSocketAddrs) -> Connection {
        Connection::on(TcpStream::connect(address).expect("it listens"))
    }

    pub fn on(socket: TcpStream) -> Connection {
        socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout can be set");
        // Thousands may be open at once.
        let socket = BufReader::with_capacity(512, socket);
        Connection { socket }
    }

    /// Sends bytes as they are. A server that rejects early may close before all is written.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.get_mut().write_all(bytes.as_ref());
    }

    pub fn socket(&self) -> &TcpStream {
        self.socket.get_ref()
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) {
        let done = self.socket.get_mut().shutdown(Shutdown::Write);
        done.expect("it is connected");
    }

    /// The next answer, whole; `None` if the server closes instead.
    ///
    /// # Panics
    ///
    /// If it closes in the middle of an answer, or if nothing happens for [`TIMEOUT`].
    pub fn response(&mut self) -> Option<Response> {
        self.response_in_chunks(usize::MAX, || {})
    }

    /// Whether an answer has begun to arrive; it is not waited for.
    pub fn has_response(&self) -> bool {
        let socket = self.socket.get_ref();
        socket.set_nonblocking(true).expect("a socket need not wait");
        let peeked = socket.peek(&mut [0]);
        socket.set_nonblocking(false).expect("a socket can wait");
        peeked.is_ok()
    }

    /// As [`response`](Connection::response), with something done after each piece of the body.
    pub fn response_in_chunks(&mut self, chunk_bytes: usize, mut between: impl FnMut()) -> Option<Response> {
        let mut line = String::new();
        match self.socket.read_line(&mut line) {
            Ok(0) => return None,
            Err(error) if is_closed(&error) && line.is_empty() => return None,
            other => other.expect("an answer, or a close"),
        };
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut response = Response {
            status: status.unwrap_or_else(|| panic!("`{line}` begins no answer")),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            line.clear();
            self.socket.read_line(&mut line).expect("a whole head");
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                assert_eq!(line, "\r\n", "a head ends with an empty line");
                break;
            };
            response.headers.push((name.to_owned(), value.to_owned()));
        }
        let length = response.header("content-length").map_or(Ok(0), str::parse);
        let mut missing = length.expect("a number");
        while missing > 0 {
            let piece = missing.min(chunk_bytes);
            let start = response.body.len();
            response.body.resize(start + piece, 0);
            self.socket.read_exact(&mut response.body[start..]).expect("a whole body");
            missing -= piece;
            between();
        }
        Some(response)
    }

    /// A request of a Yotpo client; its response is checked against `openapi/`.
    pub fn get(&mut self, path: &str) -> Option<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Yotpo-Token: any\r\n\r\n"));
        let response = self.response()?;
        response.conforms("GET", path);
        Some(response)
    }
}

/// The bytes as they come, for what is no whole answer.
impl Read for Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.read(into)
    }
}

/// Whether an error says that the other side has closed with something unread.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
    )
}

/// Waits until something is true.
///
/// # Panics
///
/// If it is not within [`TIMEOUT`].
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < TIMEOUT, "{what}");
        thread::yield_now();
    }
}

/// A client that takes every answer as it is.
pub fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .new_agent()
}

/// A request that is about to be sent.
#[must_use]
pub struct Request<'a> {
    emulator: &'a Emulator,
    method: &'a str,
    path: String,
    headers: Vec<(&'a str, String)>,
    body: Option<Vec<u8>>,
    nonconforming: bool,
}

impl<'a> Request<'a> {
    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name, value.into()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("X-Yotpo-Token", token)
    }

    pub fn json(self, body: Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", content_type)
    }

    /// The emulator is to take this although it is not as `openapi/` says.
    pub fn nonconforming(mut self) -> Self {
        self.nonconforming = true;
        self
    }

    /// Sends it and checks the invariants of every exchange.
    pub fn send(self) -> Response {
        let mut request = HttpRequest::builder()
            .method(Method::from_bytes(self.method.as_bytes()).expect("a method"))
            .uri(format!("{}{}", self.emulator.mock.url(), self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(self.body.clone().unwrap_or_default()).expect("a request");
        let mut response = self.emulator.agent.run(request).expect("an answer");
        let response = Response {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().expect("headers are ASCII").to_owned()))
                .collect(),
            body: response.body_mut().read_to_vec().expect("a whole body"),
        };
        self.check(&response);
        response
    }

    fn check(&self, response: &Response) {
        let Request { method, path, .. } = self;
        let bare_path = path.split('?').next().unwrap_or_default();
        if response.header("x-yotpo-mock-fault").is_some() {
            // A fault may send what the OpenAPI document does not allow.
            return;
        }
        response.conforms(method, path);
        let is_form = self.headers.iter().any(|(_, value)| value.starts_with("application/x-www-form"));
        if response.status() < 300 && !self.nonconforming && !is_form {
            let body = self.body.as_ref();
            let body = body.map(|body| serde_json::from_slice(body).expect("an accepted body is JSON"));
            if let Err(difference) = contract_of(path).check_request(method, path, body.as_ref()) {
                panic!("{method} {path} is not as openapi/ says: {difference}");
            }
        }
        if !is_control_path(path) {
            self.check_journal(bare_path, response);
        }
    }

    fn check_journal(&self, bare_path: &str, response: &Response) {
        let Request { method, .. } = self;
        let number = response.number();
        let entries = self.emulator.mock.requests().entries();
        let entry = entries.iter().find(|entry| entry.number == number).expect("every answer is in the journal");
        let rules: Vec<_> = entry.rules.iter().map(|rule| rule.id).collect();
        let notes: Vec<_> = entry.notes.iter().map(|noted| noted.note.id()).collect();
        assert_eq!(
            (entry.method(), entry.path(), entry.status, rules.join(", "), notes),
            (*method, bare_path, response.status(), response.rule().unwrap_or_default().to_owned(), response.notes()),
            "the journal holds the response"
        );
    }
}

fn is_control_path(path: &str) -> bool {
    path.starts_with("/_mock")
}

/// The document that describes a path.
fn contract_of(path: &str) -> &'static Contract {
    if is_control_path(path) { &CONTROL } else { &CUSTOMERS }
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// In the order of arrival, their names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// Holds it against `openapi/`.
    ///
    /// # Panics
    ///
    /// Where they differ.
    pub fn conforms(&self, method: &str, path: &str) {
        let bare_path = path.split('?').next().unwrap_or_default();
        if let Err(difference) = contract_of(path).check_response(method, bare_path, self) {
            panic!("{method} {path} does not answer as openapi/ says: {difference}\n{self}");
        }
    }

    /// Its place in the journal.
    pub fn number(&self) -> u64 {
        let number = self.header("x-yotpo-mock-request").expect("it was checked");
        number.parse().expect("a number")
    }

    /// The ids of the rules that rejected the request, if any did.
    pub fn rule(&self) -> Option<&str> {
        self.header("x-yotpo-mock-rule")
    }

    /// The ids of the notes, in their order.
    pub fn notes(&self) -> Vec<&str> {
        let notes = self.headers.iter().filter(|(name, _)| name == "x-yotpo-mock-note");
        notes.map(|(_, note)| note.split(':').next().unwrap_or_default()).collect()
    }

    /// The cursor of the next page, unchanged.
    pub fn next_page(&self) -> Option<String> {
        self.json()["pagination"]["next_page_info"].as_str().map(str::to_owned)
    }

    /// The rate-limit headers: limit, remaining, reset.
    pub fn rate_limit_headers(&self) -> [u32; 3] {
        ["limit", "remaining", "reset"].map(|part| {
            let value = self.header(&format!("ratelimit-{part}")).expect("it was checked");
            value.parse().expect("a number")
        })
    }

    /// The customers of a page, a line each, less what is not set and less `account_updated_at`.
    pub fn customers(&self) -> String {
        assert_eq!(self.status(), 200, "{self}");
        let page = self.json();
        let lines = page["customers"].as_array().expect("a page").iter().map(|customer| {
            let customer = customer.as_object().expect("a customer").iter();
            let set = customer.filter(|(key, value)| {
                let empty = value.is_null() || *value == &json!([]) || *value == &json!({});
                !empty && *key != "account_updated_at"
            });
            let fields = set.map(|(key, value)| format!("{key}: {}", without_nulls(value)));
            fields.collect::<Vec<_>>().join(", ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The external ids of a page; for a customer without one, the e-mail address or phone number.
    pub fn identifiers(&self) -> Vec<String> {
        let page = self.json();
        let names = page["customers"].as_array().expect("a page").iter().map(|customer| {
            let names = ["external_id", "email", "phone_number"].iter();
            names.filter_map(|name| customer[*name].as_str()).next().expect("a customer has a name").to_owned()
        });
        names.collect()
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let set = object.iter().filter(|(_, value)| !value.is_null());
            set.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        other => other.clone(),
    }
}

/// The status, the headers that explain it, and the body as pretty-printed JSON.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status())?;
        for name in ["allow", "retry-after", "x-yotpo-mock-rule", "x-yotpo-mock-note"] {
            for (_, value) in self.headers.iter().filter(|(key, _)| key == name) {
                write!(f, "\n{name}: {value}")?;
            }
        }
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "\n{}", pretty(&body, 0))
    }
}

/// Breaks compact JSON into lines of at most 100 characters where it can, and changes nothing else of the text.
fn pretty(json: &str, indent: usize) -> String {
    let (value, prefix) = match json.split_once("\":") {
        Some((key, value)) if json.starts_with('"') => (value, format!("{key}\":")),
        _ => (json, String::new()),
    };
    let is_long = indent + json.chars().count() > 100;
    let has_items = value.len() > 2 && value.starts_with(['{', '[']);
    if !(is_long && has_items) {
        return json.to_owned();
    }
    let (open, close) = (&value[..1], &value[value.len() - 1..]);
    let lines = items(&value[1..value.len() - 1])
        .into_iter()
        .map(|item| format!("{:width$}{}", "", pretty(item, indent + 2), width = indent + 2));
    let lines = lines.collect::<Vec<_>>().join(",\n");
    format!("{prefix}{open}\n{lines}\n{:indent$}{close}", "")
}

/// The items of an object or array, split at its commas.
fn items(text: &str) -> Vec<&str> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                items.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items
}
