//! The address of an emulator.

use ureq::http::Uri;

use super::values::{InvalidValue, has_valid_port};

#[derive(Clone, Debug)]
pub struct MockAddress {
    /// As in a URL: an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
}

impl MockAddress {
    /// Parses `http://HOST[:PORT]`, with an optional slash at the end.
    pub fn parse(text: &str) -> Result<MockAddress, InvalidValue> {
        let uri: Uri = text.parse().map_err(|_| InvalidValue::MockUrl)?;
        let is_bare = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        let authority = uri
            .authority()
            .filter(|authority| is_bare && !authority.as_str().contains('@') && has_valid_port(authority))
            .ok_or(InvalidValue::MockUrl)?;
        Ok(MockAddress { host: authority.host().to_owned(), port: authority.port_u16().unwrap_or(80) })
    }

    /// Replaces an unspecified address, which clients cannot connect to on every system, by its loopback address.
    pub fn into_connectable(self) -> MockAddress {
        let host = match &*self.host {
            "0.0.0.0" => "127.0.0.1".to_owned(),
            "[::]" => "[::1]".to_owned(),
            _ => self.host,
        };
        MockAddress { host, ..self }
    }

    /// Without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// The host without brackets.
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}
