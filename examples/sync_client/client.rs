//! Synchronizes the customers of a shop to a Yotpo store, and sends their events.

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

/// A customer in Yotpo: its fields by name.
pub type Customer = Map<String, Value>;

/// The customers in Yotpo by each of their identifiers.
type KnownCustomers<'a> = HashMap<(&'static str, &'a str), &'a Customer>;

/// A shopper in the shop. Unknown fields are `None`.
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
    /// Its id in the shop, so that sending it again does not add another event.
    pub fact: &'a str,
    pub at: &'a str,
    pub shopper: &'a Shopper,
    pub properties: Value,
}

/// The result of a run: the changes written, the number of unchanged shoppers, and the reasons for rejections.
#[derive(Debug, Default)]
pub struct Outcome {
    pub written: Vec<Customer>,
    pub unchanged: usize,
    pub rejected: Vec<Error>,
}

#[derive(Debug)]
pub enum Error {
    /// A response that a retry would not change.
    Rejected { status: u16, body: String },
    /// All attempts of this request failed; `last` is the last status or error.
    GaveUp { request: String, last: String },
    /// A successful response without the expected JSON.
    InvalidBody(serde_json::Error),
    /// A shopper without an identifier.
    NoIdentifier,
}

/// A complete response.
struct Response {
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
struct IssuedToken {
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
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT));
        SyncClient {
            agent: config.build().into(),
            url: format!("{url}/core/v3/stores/{store}"),
            secret: secret.to_owned(),
            token: None,
            page_size: 100,
            sleep: Box::new(thread::sleep),
        }
    }

    /// The number of customers per page: 100 by default, which is the maximum.
    pub fn page_size(self, page_size: usize) -> SyncClient {
        SyncClient { page_size, ..self }
    }

    /// Replaces `thread::sleep`, for tests.
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
            // The cursor is percent-encoded already, and must be sent unchanged.
            let Some(cursor) = page.pagination.next_page_info else {
                return Ok(customers);
            };
            query = format!("page_info={cursor}");
        }
    }

    /// Writes the shoppers that differ from the store. A rejected one does not stop the others.
    pub fn sync(&mut self, shoppers: impl IntoIterator<Item = Shopper>) -> Result<Outcome, Error> {
        let customers = self.customers()?;
        let known = by_identity(&customers);
        let mut outcome = Outcome::default();
        for shopper in shoppers {
            match self.write(&shopper, &known) {
                Ok(Some(change)) => outcome.written.push(change),
                Ok(None) => outcome.unchanged += 1,
                Err(rejection @ (Error::Rejected { .. } | Error::NoIdentifier)) => outcome.rejected.push(rejection),
                Err(error) => return Err(error),
            }
        }
        Ok(outcome)
    }

    /// Writes the changed fields of a shopper, if there are any, and returns them.
    fn write(&mut self, shopper: &Shopper, known: &KnownCustomers) -> Result<Option<Customer>, Error> {
        let change = shopper.changes(known)?;
        if let Some(change) = &change {
            let _: IgnoredAny = self.call(Method::PATCH, "customers", Some(json!({ "customer": change })))?;
        }
        Ok(change)
    }

    /// Sends an event.
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

    /// Makes a call with a token, and replaces a rejected one once: if the new one is rejected, too, a third would not help.
    fn call<T: DeserializeOwned>(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<T, Error> {
        if self.token.is_none() {
            self.log_in()?;
        }
        let mut response = self.send(&method, path, body.as_ref())?;
        if response.status == 401 {
            self.log_in()?;
            response = self.send(&method, path, body.as_ref())?;
        }
        response.content()
    }

    fn log_in(&mut self) -> Result<(), Error> {
        let secret = json!({ "secret": self.secret });
        let issued: IssuedToken = self.send(&Method::POST, "access_tokens", Some(&secret))?.content()?;
        self.token = Some(issued.access_token);
        Ok(())
    }

    /// Sends a request until its response is final. All writes are idempotent, so sending one twice does no harm.
    fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Response, Error> {
        let mut backoff = Duration::from_secs(1);
        let mut attempt = 1;
        loop {
            let (last, delay) = match self.attempt(method, path, body) {
                Ok(response) if response.status == 429 => ("429".to_owned(), response.retry_after.unwrap_or(backoff)),
                Ok(response) if response.status >= 500 => (response.status.to_string(), backoff),
                Ok(response) => return Ok(response),
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

    /// Sends a request once, and reads the whole response.
    fn attempt(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Response, ureq::Error> {
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
        Ok(Response {
            status: response.status().as_u16(),
            retry_after: retry_after.map(Duration::from_secs),
            body: response.body_mut().read_to_string()?,
        })
    }
}

impl Response {
    fn content<T: DeserializeOwned>(self) -> Result<T, Error> {
        let Response { status, body, .. } = self;
        if !(200..300).contains(&status) {
            return Err(Error::Rejected { status, body });
        }
        serde_json::from_str(&body).map_err(Error::InvalidBody)
    }
}

impl Shopper {
    /// The identifier of a shopper: the shop's own id, or without one exactly one of e-mail address and phone number.
    fn identity(&self) -> Result<(&'static str, &str), Error> {
        let ids = [&self.external_id, &self.email, &self.phone_number];
        let mut named = IDENTIFIERS.into_iter().zip(ids);
        named.find_map(|(name, id)| Some((name, id.as_deref().filter(|id| !id.is_empty())?))).ok_or(Error::NoIdentifier)
    }

    /// The fields to write: those that differ from the known customer, and the identifier. `None` if none differ.
    fn changes(&self, known: &KnownCustomers) -> Result<Option<Customer>, Error> {
        let (name, id) = self.identity()?;
        let known = |field: &str| known.get(&(name, id))?.get(field);
        let Value::Object(mut changes) = json!(self) else { unreachable!("a struct is an object in JSON") };
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

/// The customers by each of their identifiers. The last one wins if several share an identifier.
fn by_identity(customers: &[Customer]) -> KnownCustomers<'_> {
    let mut known = KnownCustomers::new();
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
            Error::Rejected { status, body } => write!(f, "{status} {body}"),
            Error::GaveUp { request, last } => write!(f, "{request}: {last} after {ATTEMPTS} attempts"),
            Error::InvalidBody(error) => write!(f, "unexpected response: {error}"),
            Error::NoIdentifier => f.write_str("a shopper needs an external id, an e-mail address or a phone number"),
        }
    }
}

impl std::error::Error for Error {}
