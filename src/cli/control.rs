//! What the command line asks a running mock.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use super::Failure;
use super::client::{agent, told};

/// How long an answer is waited for; the state of a large store takes a while.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stores, as many as are told at once.
const LIST: &str = "/_mock/stores?limit=1000";

/// The control surface of a mock.
pub struct Control<'a> {
    url: &'a str,
    token: Option<&'a str>,
    agent: Agent,
}

#[derive(Deserialize)]
struct Stores {
    stores: Vec<Store>,
    /// The id after which there are more.
    next_after: Option<String>,
}

/// A store in a list of stores, or in a state.
#[derive(Deserialize)]
struct Store {
    id: String,
    #[serde(default)]
    has_secret: bool,
    secret: Option<String>,
}

impl<'a> Control<'a> {
    pub fn new(url: &'a str, token: Option<&'a str>) -> Control<'a> {
        let agent = agent(PATIENCE);
        Control { url, token, agent }
    }

    /// The authority by which the mock vouches for the vendor's names, in PEM.
    ///
    /// # Errors
    ///
    /// If the mock does not tell it.
    pub fn authority(&self) -> Result<String, Failure> {
        self.get("/_mock/ca.pem")
    }

    /// A store's secret. Any text is the secret of a store that has none.
    ///
    /// # Errors
    ///
    /// If the mock does not tell it.
    pub fn secret(&self, store: &str) -> Result<String, Failure> {
        let mut stores = self.json::<Stores>(LIST)?;
        while let Some(after) = &stores.next_after
            && **after < *store
        {
            stores = self.json(&format!("{LIST}&after={}", escaped(after)))?;
        }
        // A state may be large: it is asked for only where there is a secret in it.
        let secret = if stores.stores.iter().any(|known| known.id == store && known.has_secret) {
            let state: Stores = self.json(&format!("/_mock/state?store={}", escaped(store)))?;
            state.stores.into_iter().find_map(|found| found.secret)
        } else {
            None
        };
        Ok(secret.unwrap_or_else(|| super::ANY_SECRET.to_owned()))
    }

    /// The store that comes first, if there is one.
    ///
    /// # Errors
    ///
    /// If the mock does not tell.
    pub fn first_store(&self) -> Result<Option<String>, Failure> {
        let stores = self.json::<Stores>(LIST)?.stores;
        Ok(stores.into_iter().next().map(|store| store.id))
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let text = self.get(path)?;
        serde_json::from_str(&text).map_err(|error| self.failure(path, &error.to_string()))
    }

    fn get(&self, path: &str) -> Result<String, Failure> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut answer = request.call().map_err(|error| self.failure(path, &told(&error)))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(u64::MAX).read_to_string();
        let body = body.map_err(|error| self.failure(path, &told(&error)))?;
        if status == 200 {
            return Ok(body);
        }
        // The mock's own complaints tell what to do.
        let complaint: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let (error, hint) = (complaint["error"].as_str(), complaint["hint"].as_str());
        let failure = self.failure(path, error.unwrap_or(&format!("it answers with status {status}")));
        Err(match (status.as_u16(), hint) {
            (401, _) => Failure {
                hint: "`--control-token TOKEN` gives what the mock was started with".to_owned(),
                ..failure
            },
            (_, Some(hint)) => Failure {
                hint: hint.to_owned(),
                ..failure
            },
            _ => failure,
        })
    }

    fn failure(&self, path: &str, reason: &str) -> Failure {
        Failure {
            error: format!("`{}{path}`: {reason}", self.url),
            hint: "`--url` names a mock of this version; `yotpo-mock` prints the address that it listens on".to_owned(),
        }
    }
}

fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
