//! A client with one kept-alive connection. It neither allocates much nor checks more than the status.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::{customer_body, email, event_body};

pub struct Client {
    connection: BufReader<TcpStream>,
    line: Vec<u8>,
    body: Vec<u8>,
}

impl Client {
    /// Connects to the address of a URL like `http://127.0.0.1:4600`.
    pub fn connect(url: &str) -> Client {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).expect("the server listens");
        stream.set_nodelay(true).expect("the stream is open");
        Client { connection: BufReader::new(stream), line: Vec::new(), body: Vec::new() }
    }

    /// Sends a request and returns the body of the response.
    ///
    /// # Panics
    ///
    /// If the status is not 200.
    pub fn send(&mut self, request: &str) -> &[u8] {
        let stream = self.connection.get_mut();
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut length = 0;
        for number in 0.. {
            self.line.clear();
            self.connection.read_until(b'\n', &mut self.line).expect("the server responds");
            let line = str::from_utf8(&self.line).expect("the head is ASCII").trim_end();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                _ if number == 0 => assert!(line.starts_with("HTTP/1.1 200 "), "{line} to {request}"),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().expect("the length is a number");
                }
                _ => {}
            }
        }
        self.body.resize(length, 0);
        self.connection.read_exact(&mut self.body).expect("the body is complete");
        &self.body
    }
}

/// Requests to one store.
pub struct Requests {
    store: String,
    token: String,
}

impl Requests {
    pub fn new(store: &str, token: String) -> Requests {
        let store = format!("/core/v3/stores/{store}");
        Requests { store, token }
    }

    pub fn upsert(&self, number: u64) -> String {
        self.request("PATCH", "customers", &customer_body(number))
    }

    pub fn event(&self, number: u64) -> String {
        self.request("PATCH", "customer_events", &event_body(number))
    }

    pub fn lookup(&self, number: u64) -> String {
        let email = email(number).replace('@', "%40");
        self.request("GET", &format!("customers?email={email}"), "")
    }

    pub fn page(&self) -> String {
        self.request("GET", "customers?limit=100", "")
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let Requests { store, token } = self;
        let content = match body.len() {
            0 => String::new(),
            length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
        };
        format!(
            "{method} {store}/{path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\
            X-Yotpo-Token: {token}\r\n{content}\r\n{body}"
        )
    }
}
