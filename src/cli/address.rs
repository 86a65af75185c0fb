//! Where a mock listens, as clients are told.

use ureq::http::Uri;

/// A mock's host and port.
#[derive(Clone, Debug)]
pub struct Address {
    /// As it stands in a URL: an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
}

impl Address {
    /// Reads `http://`, a host and perhaps a port.
    ///
    /// # Errors
    ///
    /// Where there is anything else.
    pub fn parse(text: &str) -> Result<Address, String> {
        let wrong = || "it must begin with http://, name a host, and end after the port".to_owned();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let is_bare = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        let authority = uri
            .authority()
            .filter(|authority| is_bare && !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(wrong)?;
        Ok(Address {
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(80),
        })
    }

    /// The same as clients can call it: an address that stands for all is listened on, not called.
    pub fn callable(self) -> Address {
        let host = match &*self.host {
            "0.0.0.0" => "127.0.0.1".to_owned(),
            "[::]" => "[::1]".to_owned(),
            _ => self.host,
        };
        Address { host, ..self }
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
