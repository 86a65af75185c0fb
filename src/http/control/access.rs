//! Access to the control API. On a developer's machine any web page can send requests to loopback, and DNS can point any name
//! there, so hosts and origins are checked.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, ORIGIN};

use super::error::ControlError;
use super::request::DEFAULT_BODY_LIMIT;
use crate::http::hosts::{host_of, is_private, is_same, is_yotpo, without_port};

/// Allows every host.
const ANY_HOST: &str = "*";

#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The address that the server listens on; `None` if it is loopback.
    pub bound: Option<IpAddr>,
    /// Further host names of both APIs, or `*` for any.
    pub hosts: Vec<String>,
    /// Further host names of the emulated API: those of the certificate.
    pub certificate_names: Vec<String>,
    /// The origins whose pages may use both APIs from a browser.
    pub origins: Vec<String>,
    /// The bearer token that all requests but `GET /_mock/health` need.
    pub token: Option<String>,
    /// The largest body of a control request, in bytes.
    pub body_limit: usize,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            bound: None,
            hosts: Vec::new(),
            certificate_names: Vec::new(),
            origins: Vec::new(),
            token: None,
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }
}

impl Access {
    /// Whether pages of an origin may call both APIs.
    pub(in crate::http) fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }

    /// Checks the host, the origin and the token of a request. `GET /_mock/health` reveals nothing, so it needs neither a known
    /// host nor the token.
    ///
    /// # Errors
    ///
    /// If one of them is not allowed; the hint names the flag that would allow it.
    pub(in crate::http) fn check(&self, head: &RequestHead, is_health: bool) -> Result<(), ControlError> {
        if let Some(name) = host_of(head).map(without_port)
            && !is_health
            && !self.allows_host(name)
        {
            return Err(unknown_host("control", name));
        }
        self.check_origin(head)?;
        match &self.token {
            Some(token) if !is_health && bearer_token(head.headers()) != Some(token) => Err(ControlError::new(
                StatusCode::UNAUTHORIZED,
                "the control API requires its token",
                "send `Authorization: Bearer` with the value of `--control-token`",
            )),
            _ => Ok(()),
        }
    }

    /// Checks the host of a request to the emulated API.
    ///
    /// # Errors
    ///
    /// If it is not allowed.
    pub(in crate::http) fn check_api_host(&self, head: &RequestHead) -> Result<(), ControlError> {
        match host_of(head) {
            Some(host) if !self.allows_api_at(host) => Err(unknown_host("emulated", without_port(host))),
            _ => Ok(()),
        }
    }

    /// Whether the emulated API answers at a host, with or without a port. A server that listens on an address of the network
    /// has names that it cannot know, so it answers at any.
    pub(in crate::http) fn allows_api_at(&self, host: &str) -> bool {
        let name = without_port(host);
        let is_same = |host: &String| is_same(host, name);
        self.bound.is_some() || self.allows_host(name) || is_yotpo(name) || self.certificate_names.iter().any(is_same)
    }

    fn allows_host(&self, name: &str) -> bool {
        let is_allowed = |host: &String| host == ANY_HOST || is_same(host, name);
        is_private(name) || self.hosts.iter().any(is_allowed)
    }

    fn check_origin(&self, head: &RequestHead) -> Result<(), ControlError> {
        let headers = head.headers();
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let is_same_origin = authority.is_some() && host_of(head) == authority;
        if is_same_origin || self.allows_origin(&origin) {
            return Ok(());
        }
        Err(ControlError::new(
            StatusCode::FORBIDDEN,
            format!("pages of `{origin}` may not use the control API"),
            format!("`--cors {origin}` allows them"),
        ))
    }
}

fn unknown_host(api: &str, name: &str) -> ControlError {
    ControlError::new(
        StatusCode::FORBIDDEN,
        format!("the {api} API is not available at the host `{name}`"),
        format!("`--control-host {name}` allows it"),
    )
}

/// Whether a request names one of Yotpo's hosts.
pub(in crate::http) fn is_for_yotpo(head: &RequestHead) -> bool {
    host_of(head).is_some_and(|host| is_yotpo(without_port(host)))
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
