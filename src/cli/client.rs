//! The client by which the command line asks a running mock.

use std::io;
use std::time::Duration;

use ureq::Agent;

/// A client that no proxy stands in the way of.
pub fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent()
}

/// In words, why there was no answer.
pub fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nothing listens there".to_owned()
        }
        other => other.to_string(),
    }
}
