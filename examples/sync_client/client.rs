//! Keeps the customers of a Yotpo store in step with a shop, and tells Yotpo what they did there.

use std::collections::HashMap;
use std::fmt;
use std::thread;
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use ureq::Agent;
use ureq::http::{Method, Request};

const ATTEMPTS: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(30);
const IDENTIFIERS: [&str; 3] = ["external_id", "email", "phone_number"];

/// A customer as Yotpo has it: its fields by their names.
pub type Customer = Map<String, Value>;

/// Those that Yotpo has, under each of their identifiers.
type Known<'a> = HashMap<(&'static str, &'a str), &'a Customer>;

/// A shopper as the shop has it; what is `None` is not known there.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shopper {
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub gender: Option<String>,
    pub tags: Option<String>,
}

/// Something that a shopper did.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub kind: &'a str,
    /// What the shop calls it: told again, it is the same event.
    pub fact: &'a str,
    pub at: &'a str,
    pub shopper: &'a Shopper,
    pub properties: Value,
}

/// What became of the shoppers of a run: of each that was written what was, of each that was refused why.
#[derive(Debug, Default)]
pub struct Outcome {
    pub written: Vec<Customer>,
    pub unchanged: usize,
    pub refused: Vec<Error>,
}

#[derive(Debug)]
pub enum Error {
    /// An answer that no further attempt would change.
    Refused { status: u16, body: String },
    /// There was no such answer after all attempts; what was asked for, and what came last.
    GaveUp { request: String, last: String },
    /// A success that is not what Yotpo promises.
    Unreadable(serde_json::Error),
    /// A shopper without an identifier.
    Nameless,
}

/// What came back, all of it.
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: String,
}

#[derive(Deserialize)]
struct Page {
    customers: Vec<Customer>,
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next_page_info: Option<String>,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

pub struct SyncClient {
    agent: Agent,
    url: String,
    secret: String,
    token: Option<String>,
    page_size: usize,
    sleep: Box<dyn Fn(Duration)>,
}

impl SyncClient {
    pub fn new(url: &str, store: &str, secret: &str) -> SyncClient {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT));
        SyncClient {
            agent: config.build().into(),
            url: format!("{url}/core/v3/stores/{store}"),
            secret: secret.to_owned(),
            token: None,
            page_size: 100,
            sleep: Box::new(thread::sleep),
        }
    }

    /// Reads so many customers at a time; 100 unless told otherwise, which is the most that there may be.
    pub fn page_size(self, page_size: usize) -> SyncClient {
        SyncClient { page_size, ..self }
    }

    /// Waits by this, in the place of putting the thread to sleep.
    pub fn sleep(self, sleep: impl Fn(Duration) + 'static) -> SyncClient {
        let sleep = Box::new(sleep);
        SyncClient { sleep, ..self }
    }

    /// All customers of the store, read page by page.
    pub fn customers(&mut self) -> Result<Vec<Customer>, Error> {
        let mut customers = Vec::new();
        let mut query = format!("limit={}", self.page_size);
        loop {
            let page: Page = self.call(Method::GET, &format!("customers?{query}"), None)?;
            customers.extend(page.customers);
            // The cursor comes percent-encoded, and goes back as it came.
            let Some(cursor) = page.pagination.next_page_info else {
                return Ok(customers);
            };
            query = format!("page_info={cursor}");
        }
    }

    /// Writes those shoppers that are not in the store as they should be. One that is refused does not stop the others.
    pub fn sync(&mut self, shoppers: impl IntoIterator<Item = Shopper>) -> Result<Outcome, Error> {
        let customers = self.customers()?;
        let known = by_identity(&customers);
        let mut outcome = Outcome::default();
        for shopper in shoppers {
            match self.write(&shopper, &known) {
                Ok(Some(change)) => outcome.written.push(change),
                Ok(None) => outcome.unchanged += 1,
                Err(refusal @ (Error::Refused { .. } | Error::Nameless)) => outcome.refused.push(refusal),
                Err(error) => return Err(error),
            }
        }
        Ok(outcome)
    }

    /// Writes what changed of a shopper, if something did.
    fn write(&mut self, shopper: &Shopper, known: &Known) -> Result<Option<Customer>, Error> {
        let change = shopper.changes(known)?;
        if let Some(change) = &change {
            let _: IgnoredAny = self.call(Method::PATCH, "customers", Some(json!({ "customer": change })))?;
        }
        Ok(change)
    }

    /// Tells of something that happened.
    pub fn send_event(&mut self, event: &Event) -> Result<(), Error> {
        let (name, id) = event.shopper.identity()?;
        let body = json!({ "customer_event": {
            "source": "shop_sync",
            "type": event.kind,
            "timestamp": event.at,
            "unique_id": format!("{}:{}", event.kind, event.fact),
            "customer": { name: id },
            "properties": event.properties,
        }});
        let _: IgnoredAny = self.call(Method::PATCH, "customer_events", Some(body))?;
        Ok(())
    }

    /// Calls with a token. A dead one is replaced once: were its successor refused too, no third would help.
    fn call<T: DeserializeOwned>(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<T, Error> {
        if self.token.is_none() {
            self.log_in()?;
        }
        let mut answer = self.send(&method, path, body.as_ref())?;
        if answer.status == 401 {
            self.log_in()?;
            answer = self.send(&method, path, body.as_ref())?;
        }
        answer.content()
    }

    fn log_in(&mut self) -> Result<(), Error> {
        let secret = json!({ "secret": self.secret });
        let issued: Issued = self.send(&Method::POST, "access_tokens", Some(&secret))?.content()?;
        self.token = Some(issued.access_token);
        Ok(())
    }

    /// Sends the same request until its answer is final. What arrived twice counts once, since it is the same.
    fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let mut backoff = Duration::from_secs(1);
        let mut attempt = 1;
        loop {
            let (last, delay) = match self.attempt(method, path, body) {
                Ok(answer) if answer.status == 429 => ("429".to_owned(), answer.retry_after.unwrap_or(backoff)),
                Ok(answer) if answer.status >= 500 => (answer.status.to_string(), backoff),
                Ok(answer) => return Ok(answer),
                Err(lost) => (lost.to_string(), backoff),
            };
            if attempt == ATTEMPTS {
                let request = format!("{method} {path}");
                return Err(Error::GaveUp { request, last });
            }
            (self.sleep)(delay);
            attempt += 1;
            backoff *= 2;
        }
    }

    /// The answer, or why not all of it is here.
    fn attempt(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}/{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("X-Yotpo-Token", token);
        }
        let mut response = match body {
            None => self.agent.run(request.body(())?)?,
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(body.to_string())?)?
            }
        };
        let retry_after = response.headers().get("Retry-After");
        let retry_after = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: retry_after.map(Duration::from_secs),
            body: response.body_mut().read_to_string()?,
        })
    }
}

impl Answer {
    fn content<T: DeserializeOwned>(self) -> Result<T, Error> {
        let Answer { status, body, .. } = self;
        if !(200..300).contains(&status) {
            return Err(Error::Refused { status, body });
        }
        serde_json::from_str(&body).map_err(Error::Unreadable)
    }
}

impl Shopper {
    /// What names a shopper: the shop's own id, or without one exactly one of e-mail address and phone number.
    fn identity(&self) -> Result<(&'static str, &str), Error> {
        let ids = [&self.external_id, &self.email, &self.phone_number];
        let mut named = IDENTIFIERS.into_iter().zip(ids);
        named
            .find_map(|(name, id)| Some((name, id.as_deref().filter(|id| !id.is_empty())?)))
            .ok_or(Error::Nameless)
    }

    /// What to write: what names the shopper, and what has a value that differs from the known one. `None` if nothing does.
    fn changes(&self, known: &Known) -> Result<Option<Customer>, Error> {
        let (name, id) = self.identity()?;
        let known = |field: &str| known.get(&(name, id))?.get(field);
        let Value::Object(mut changes) = json!(self) else {
            unreachable!("a struct is an object in JSON")
        };
        changes.retain(|field, value| !value.is_null() && known(field) != Some(value));
        if name != "external_id" {
            changes.retain(|field, _| field == name || !IDENTIFIERS.contains(&field.as_str()));
        }
        if changes.is_empty() {
            return Ok(None);
        }
        changes.insert(name.to_owned(), id.into());
        Ok(Some(changes))
    }
}

/// The customers under each of their identifiers; of several that share one, the latest.
fn by_identity(customers: &[Customer]) -> Known<'_> {
    let mut known = Known::new();
    for customer in customers {
        for name in IDENTIFIERS {
            if let Some(Value::String(id)) = customer.get(name) {
                known.insert((name, id.as_str()), customer);
            }
        }
    }
    known
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused { status, body } => write!(f, "{status} {body}"),
            Error::GaveUp { request, last } => write!(f, "{request}: {last} after {ATTEMPTS} attempts"),
            Error::Unreadable(error) => write!(f, "not what Yotpo promises: {error}"),
            Error::Nameless => f.write_str("a shopper needs an external id, an e-mail address or a phone number"),
        }
    }
}

impl std::error::Error for Error {}
