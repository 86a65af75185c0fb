//! A client of a running emulator's control API.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use super::client::{RequestError, agent};
use super::error::CliError;

/// The state of a large store takes a while.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The stores, with the largest limit that the emulator accepts.
const STORES: &str = "/_mock/stores?limit=1000";

pub struct ControlClient<'a> {
    url: &'a str,
    token: Option<&'a str>,
    agent: Agent,
}

/// A page of the list of stores, or a state document.
#[derive(Deserialize)]
struct StoreList {
    stores: Vec<StoreSummary>,
    next_after: Option<String>,
}

#[derive(Deserialize)]
struct StoreSummary {
    id: String,
    #[serde(default)]
    has_secret: bool,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    hint: String,
}

impl<'a> ControlClient<'a> {
    pub fn new(url: &'a str, token: Option<&'a str>) -> ControlClient<'a> {
        let agent = agent(TIMEOUT);
        ControlClient { url, token, agent }
    }

    /// The certificate of the emulator's CA, in PEM.
    pub fn ca_certificate(&self) -> Result<String, CliError> {
        self.get("/_mock/ca.pem", Ok)
    }

    /// A store's secret. A store without one accepts any.
    pub fn secret(&self, store: &str) -> Result<String, CliError> {
        let mut page: StoreList = self.get_json(STORES)?;
        while let Some(after) = &page.next_after
            && **after < *store
        {
            page = self.get_json(&format!("{STORES}&after={}", url_encode(after)))?;
        }
        // A state can be large, so it is requested only if it contains a secret.
        let secret = if page.stores.iter().any(|known| known.id == store && known.has_secret) {
            let state: StoreList = self.get_json(&format!("/_mock/state?store={}", url_encode(store)))?;
            state.stores.into_iter().find_map(|found| found.secret)
        } else {
            None
        };
        Ok(secret.unwrap_or_else(|| super::ANY_SECRET.to_owned()))
    }

    /// The id of the first store, if there is one.
    pub fn first_store(&self) -> Result<Option<String>, CliError> {
        let stores = self.get_json::<StoreList>(STORES)?.stores;
        Ok(stores.into_iter().next().map(|store| store.id))
    }

    fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.get(path, |body| Ok(serde_json::from_str(&body)?))
    }

    fn get<T>(&self, path: &str, read: impl FnOnce(String) -> Result<T, RequestError>) -> Result<T, CliError> {
        let url = format!("{}{path}", self.url);
        let value = self.fetch(&url).and_then(read);
        value.map_err(|source| CliError::Request { url, source })
    }

    fn fetch(&self, url: &str) -> Result<String, RequestError> {
        let mut request = self.agent.get(url);
        if let Some(token) = self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.call()?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(u64::MAX).read_to_string()?;
        if status == 200 {
            return Ok(body);
        }
        let Ok(ErrorBody { error, hint }) = serde_json::from_str(&body) else {
            return Err(RequestError::Status(status));
        };
        // The emulator's own hint is for its HTTP clients.
        let hint = if status == 401 {
            "pass the emulator's control token with `--control-token TOKEN`".to_owned()
        } else {
            hint
        };
        Err(RequestError::Rejected { error, hint })
    }
}

fn url_encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
