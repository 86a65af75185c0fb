//! What the reference servers share: the answers that they give, as the emulator gave them, and a server set up as the
//! emulator's is.

use std::any::Any;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Bytes, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};

/// Headers that every server writes by itself.
const BY_ITSELF: [&str; 3] = ["content-length", "date", "connection"];

/// An answer as the emulator gave it: the very same bytes, and the same headers.
#[derive(Clone)]
pub struct Answer {
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl Answer {
    /// Reads an answer that was written down as it came from the socket.
    ///
    /// # Panics
    ///
    /// If the file is not there or is no answer.
    pub fn read(path: &str) -> Answer {
        let answer = std::fs::read(path).expect("the answer's file is there");
        let end = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .expect("a whole head");
        let head = std::str::from_utf8(&answer[..end]).expect("an ASCII head");
        let headers = head.lines().skip(1).filter_map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            let name = HeaderName::try_from(name).expect("a header's name");
            let value = HeaderValue::try_from(value).expect("a header's value");
            (!BY_ITSELF.contains(&name.as_str())).then_some((name, value))
        });
        Answer {
            headers: headers.collect(),
            body: Bytes::copy_from_slice(&answer[end + 4..]),
        }
    }

    pub fn respond(&self) -> HttpResponse {
        self.respond_with(&self.body)
    }

    fn respond_with(&self, body: &Bytes) -> HttpResponse {
        let mut response = HttpResponse::Ok().body(body.clone());
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response
    }
}

/// The answers to reads, to a write of a customer and to one of an event.
#[derive(Clone)]
pub struct Answers {
    pub read: Answer,
    /// The bodies of reads by their queries; of others it is that of `read`.
    pub pages: HashMap<String, Bytes>,
    pub customer: Answer,
    pub event: Answer,
}

impl Answers {
    /// The answer to a read.
    pub fn read(&self, query: &str) -> HttpResponse {
        self.read.respond_with(self.pages.get(query).unwrap_or(&self.read.body))
    }
}

/// Reads pages: a line with a query, one with a length in bytes, and so many bytes, over and over.
fn pages(path: &str) -> HashMap<String, Bytes> {
    let mut file = BufReader::new(File::open(path).expect("the pages' file is there"));
    let mut pages = HashMap::new();
    loop {
        let (mut query, mut length) = (String::new(), String::new());
        if file.read_line(&mut query).expect("a query is text") == 0 {
            return pages;
        }
        file.read_line(&mut length).expect("a length is text");
        let mut body = vec![0; length.trim_end().parse().expect("a length")];
        file.read_exact(&mut body).expect("a whole page");
        pages.insert(query.trim_end().to_owned(), body.into());
    }
}

/// The port and the answers that the command line names.
///
/// # Panics
///
/// If it does not name them.
pub fn arguments() -> (u16, Answers) {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments.next().expect(
            "usage: PORT READ CUSTOMER EVENT [PAGES]: three files with answers, and one with bodies by their queries",
        )
    };
    let port = next().parse().expect("a port");
    let answers = Answers {
        read: Answer::read(&next()),
        customer: Answer::read(&next()),
        event: Answer::read(&next()),
        pages: arguments.next().map(|path| pages(&path)).unwrap_or_default(),
    };
    (port, answers)
}

/// Serves with one worker, the emulator's keep-alive and its socket options.
pub async fn serve(port: u16, paths: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> std::io::Result<()> {
    HttpServer::new(move || App::new().configure(paths.clone()))
        .workers(1)
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .on_connect(|connection: &dyn Any, _: &mut Extensions| {
            if let Some(stream) = connection.downcast_ref::<TcpStream>() {
                stream.set_nodelay(true).expect("a socket takes the option");
            }
        })
        .bind(("127.0.0.1", port))?
        .run()
        .await
}
