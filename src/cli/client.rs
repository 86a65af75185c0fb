//! The HTTP client for requests to a running emulator.

use std::io;
use std::time::Duration;

use thiserror::Error;
use ureq::Agent;

/// Why an emulator did not answer as expected.
#[derive(Debug, Error)]
pub enum RequestError {
    #[error("connection refused, no server is listening")]
    Refused(#[source] io::Error),
    #[error(transparent)]
    Http(ureq::Error),
    /// The emulator's own error with its hint, for example for a wrong control token.
    #[error("{error}")]
    Rejected { error: String, hint: String },
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it did not answer with the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("another server answered, with status {0}")]
    OtherServer(u16),
}

impl From<ureq::Error> for RequestError {
    fn from(error: ureq::Error) -> RequestError {
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => RequestError::Refused(error),
            other => RequestError::Http(other),
        }
    }
}

impl RequestError {
    pub fn hint(&self) -> &str {
        match self {
            RequestError::Rejected { hint, .. } => hint,
            _ => "pass the address that `yotpo-mock` printed, with `--url`; both must have the same version",
        }
    }
}

/// A client that ignores proxy variables: the emulator is its own proxy.
pub fn agent(timeout: Duration) -> Agent {
    Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).proxy(None).build().new_agent()
}
