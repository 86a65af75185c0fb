//! The common parts of the reference servers: recorded responses of the emulator, and a server configured like it.

use std::any::Any;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Bytes, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use rustls::ServerConfig;

/// Headers that every server writes by itself.
const GENERATED_HEADERS: [&str; 3] = ["content-length", "date", "connection"];

/// A response of the emulator: the same body and headers.
#[derive(Clone)]
pub struct RecordedResponse {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl RecordedResponse {
    /// Loads a response from a file with its bytes.
    ///
    /// # Panics
    ///
    /// If the file is missing or malformed.
    fn load(path: &str) -> RecordedResponse {
        let response = std::fs::read(path).expect("the file exists");
        let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a complete head");
        let head = std::str::from_utf8(&response[..end]).expect("an ASCII head");
        let headers = head.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            let name = HeaderName::try_from(name).expect("a header name");
            let value = HeaderValue::try_from(value).expect("a header value");
            (!GENERATED_HEADERS.contains(&name.as_str())).then_some((name, value))
        });
        RecordedResponse { headers: headers.collect(), body: Bytes::copy_from_slice(&response[end + 4..]) }
    }

    pub fn replay(&self) -> HttpResponse {
        self.replay_with(&self.body)
    }

    fn replay_with(&self, body: &Bytes) -> HttpResponse {
        let mut response = HttpResponse::Ok().body(body.clone());
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    }
}

/// The responses to reads, and to writes of a customer and of an event.
#[derive(Clone)]
pub struct Responses {
    pub read: RecordedResponse,
    /// The bodies of pages by query. Other queries get the body of `read`.
    pages: HashMap<String, Bytes>,
    pub customer: RecordedResponse,
    pub event: RecordedResponse,
}

impl Responses {
    pub fn replay_read(&self, query: &str) -> HttpResponse {
        let body = self.pages.get(query).unwrap_or(&self.read.body);
        self.read.replay_with(body)
    }
}

/// Loads pages from a file: for each, a line with the query, a line with the length in bytes, and the body.
fn load_pages(path: &str) -> HashMap<String, Bytes> {
    let mut file = BufReader::new(File::open(path).expect("the file exists"));
    let mut pages = HashMap::new();
    loop {
        let (mut query, mut length) = (String::new(), String::new());
        if file.read_line(&mut query).expect("a query") == 0 {
            return pages;
        }
        file.read_line(&mut length).expect("a length");
        let mut body = vec![0; length.trim_end().parse().expect("a length")];
        file.read_exact(&mut body).expect("a complete page");
        pages.insert(query.trim_end().to_owned(), body.into());
    }
}

/// The command line.
pub struct Options {
    pub port: u16,
    pub is_tls: bool,
    pub responses: Responses,
}

impl Options {
    /// # Panics
    ///
    /// If the command line is incomplete.
    pub fn from_args() -> Options {
        let mut arguments = std::env::args().skip(1).peekable();
        let is_tls = arguments.next_if_eq("--tls").is_some();
        let mut next =
            || arguments.next().expect("usage: [--tls] PORT READ CUSTOMER EVENT [PAGES], the last four being files");
        let port = next().parse().expect("a port");
        let (read, customer, event) = (next(), next(), next());
        let responses = Responses {
            read: RecordedResponse::load(&read),
            customer: RecordedResponse::load(&customer),
            event: RecordedResponse::load(&event),
            pages: arguments.next().map(|path| load_pages(&path)).unwrap_or_default(),
        };
        Options { port, is_tls, responses }
    }
}

/// A configuration like the emulator's: the `ring` provider, and a certificate with a P-256 key.
fn tls_config() -> ServerConfig {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a valid name");
    let key = own.signing_key.serialize_der().try_into().expect("a key in PKCS #8");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports them")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("the key is the certificate's")
}

/// Serves with one worker, and the emulator's keep-alive and socket options.
pub async fn serve(
    port: u16,
    is_tls: bool,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<()> {
    let server = HttpServer::new(move || App::new().configure(routes.clone()))
        .workers(1)
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .on_connect(|connection: &dyn Any, _: &mut Extensions| {
            let tls = connection.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>();
            let stream = connection.downcast_ref::<TcpStream>();
            if let Some(stream) = stream.or(tls.map(|tls| tls.get_ref().0)) {
                stream.set_nodelay(true).expect("a socket has the option");
            }
        });
    let address = ("127.0.0.1", port);
    let server = if is_tls { server.bind_rustls_0_23(address, tls_config())? } else { server.bind(address)? };
    server.run().await
}
