//! Access to the control API. On a developer's machine any web page can send requests to loopback, and DNS can point any name
//! there, so hosts and origins are checked.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, ORIGIN};

use super::error::ControlError;
use super::request::DEFAULT_BODY_LIMIT;
use crate::http::hosts::{host_of, is_private, is_same, is_yotpo, without_port};

pub(in crate::http) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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
        if let Some(host) = host_of(head)
            && !is_health
            && !self.allows_host(without_port(&host))
        {
            return Err(unknown_host("control", without_port(&host)));
        }
        self.check_origin("control", head)?;
        match &self.token {
            Some(token) if !is_health && bearer_token(head.headers()) != Some(token) => Err(ControlError::new(
                StatusCode::UNAUTHORIZED,
                "the control API requires its token",
                "send `Authorization: Bearer` with the value of `--control-token`",
            )),
            _ => Ok(()),
        }
    }

    /// Checks the host and the origin of a request to the emulated API.
    ///
    /// # Errors
    ///
    /// If one of them is not allowed.
    pub(in crate::http) fn check_api(&self, head: &RequestHead) -> Result<(), ControlError> {
        match host_of(head) {
            Some(host) if !self.allows_api_at(&host) => Err(unknown_host("emulated", without_port(&host))),
            _ => self.check_origin("emulated", head),
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

    /// Checks every `Origin`. Without one, as in the GET of an image, a browser still says that another site sends the request.
    fn check_origin(&self, api: &str, head: &RequestHead) -> Result<(), ControlError> {
        let mut origins = head.headers().get_all(ORIGIN).peekable();
        if origins.peek().is_none() && is_from_another_site(head) {
            return Err(ControlError::new(
                StatusCode::FORBIDDEN,
                format!("pages of other sites may not use the {api} API"),
                "`--cors ORIGIN` allows an origin, for requests that name it",
            ));
        }
        for origin in origins {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            let is_same_origin = authority.is_some() && host_of(head).as_deref() == authority;
            if !is_same_origin && !self.allows_origin(&origin) {
                return Err(ControlError::new(
                    StatusCode::FORBIDDEN,
                    format!("pages of `{origin}` may not use the {api} API"),
                    format!("`--cors {origin}` allows them"),
                ));
            }
        }
        Ok(())
    }
}

/// Whether a browser says that a page of another site, or of another origin of this site, sends the request.
fn is_from_another_site(head: &RequestHead) -> bool {
    let mut sites = head.headers().get_all(SEC_FETCH_SITE);
    sites.any(|site| {
        ["cross-site", "same-site"].iter().any(|other| site.as_bytes().eq_ignore_ascii_case(other.as_bytes()))
    })
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
    host_of(head).is_some_and(|host| is_yotpo(without_port(&host)))
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
