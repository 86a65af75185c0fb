//! Who may use the control surface: on a laptop any page in a browser can send requests to loopback, and any name can be made to
//! lead there.

use std::net::IpAddr;

use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};

use super::request::{BODY_LIMIT, ControlError};

/// The vendor's own names: there the control surface is not to be found.
pub(in crate::http) const VENDORS_HOSTS: [&str; 2] = ["api.yotpo.com", "developers.yotpo.com"];

/// Names every host.
const ANY: &str = "*";

/// Who may use the control surface.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The address that is listened on; `None` where it is loopback.
    pub bound: Option<IpAddr>,
    /// Further names by which the emulator is called, or `*` for any.
    pub hosts: Vec<String>,
    /// Pages of these origins may use both surfaces from a browser.
    pub origins: Vec<String>,
    /// What everything but `health` must carry as `Authorization: Bearer`.
    pub token: Option<String>,
    /// The largest body of the control surface, in bytes.
    pub body_limit: usize,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            bound: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            token: None,
            body_limit: BODY_LIMIT,
        }
    }
}

impl Access {
    /// The origin of a request, if it is one whose pages may use both surfaces.
    pub fn allowed_origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let origin = headers.get(ORIGIN)?.to_str().ok()?;
        self.origins.iter().any(|allowed| allowed == origin).then_some(origin)
    }

    /// Judges a request to the control surface.
    ///
    /// # Errors
    ///
    /// Why it is refused, with what would let it in.
    pub(in crate::http) fn check(&self, head: &RequestHead, is_health: bool) -> Result<(), ControlError> {
        self.check_host(head)?;
        self.check_origin(head)?;
        match &self.token {
            Some(token) if !is_health && bearer(head.headers()) != Some(token.as_str()) => Err(ControlError::new(
                StatusCode::UNAUTHORIZED,
                "the control surface asks for its token",
                "send `Authorization: Bearer` and what `--control-token` says",
            )),
            _ => Ok(()),
        }
    }

    /// Whether a request without an origin may ask at this host whether the emulator is ready, which needs no token.
    pub(in crate::http) fn shows_health_at(&self, host: &str) -> bool {
        self.is_for(host) && !is_vendor(host)
    }

    fn check_host(&self, head: &RequestHead) -> Result<(), ControlError> {
        let Some(host) = host_of(head) else { return Ok(()) };
        if self.is_for(&host) {
            return Ok(());
        }
        let name = name_of(&host);
        Err(ControlError::new(
            StatusCode::FORBIDDEN,
            format!("the control surface is not for the host `{name}`"),
            format!("`--control-host {name}` lets it in"),
        ))
    }

    /// Whether a request may name this host, with or without a port.
    fn is_for(&self, host: &str) -> bool {
        let name = name_of(host);
        let is_named = self
            .hosts
            .iter()
            .any(|allowed| allowed == ANY || allowed.eq_ignore_ascii_case(name));
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let is_address = name.parse().is_ok_and(|address: IpAddr| {
            // A name can be made to lead anywhere, an address cannot.
            address.is_loopback()
                || self
                    .bound
                    .is_some_and(|bound| bound == address || bound.is_unspecified())
        });
        is_named || is_local || is_address
    }

    fn check_origin(&self, head: &RequestHead) -> Result<(), ControlError> {
        let headers = head.headers();
        let Some(origin) = headers.get(ORIGIN) else {
            return Ok(());
        };
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        let is_own = authority.is_some_and(|authority| host_of(head).as_deref() == Some(authority));
        if is_own || self.allowed_origin(headers).is_some() {
            return Ok(());
        }
        Err(ControlError::new(
            StatusCode::FORBIDDEN,
            format!("the control surface is not for pages of `{origin}`"),
            format!("`--cors {origin}` lets them in"),
        ))
    }
}

/// Whether a request is for one of the vendor's own hosts.
pub(in crate::http) fn is_for_the_vendor(head: &RequestHead) -> bool {
    host_of(head).is_some_and(|host| is_vendor(&host))
}

/// Whether a host, with or without a port, is one of the vendor's own.
fn is_vendor(host: &str) -> bool {
    VENDORS_HOSTS.contains(&name_of(host).to_lowercase().as_str())
}

/// The host that a request names, with its port.
fn host_of(head: &RequestHead) -> Option<String> {
    let in_target = head.uri.authority().map(|authority| authority.as_str().to_owned());
    in_target.or_else(|| head.headers().get(HOST)?.to_str().ok().map(str::to_owned))
}

/// A host without its port, an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
