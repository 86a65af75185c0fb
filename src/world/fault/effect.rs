//! The effect of a fault on one request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a connection ends instead of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Disconnect {
    /// With an end of file.
    Close,
    /// With a reset: sent data that the client has not read yet may be lost.
    Reset,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Real time that passes before the request is handled, or before its response if it is handled first.
    pub delay: Duration,
    /// Whether the token of the request expires now.
    pub expire_token: bool,
    /// A response instead of the emulator's.
    pub status: Option<u16>,
    pub body: Option<String>,
    /// Changes of the response, whether it is the emulator's or this one.
    pub content_type: Option<String>,
    pub headers: Vec<(String, String)>,
    pub malformed_json: bool,
    pub truncate_bytes: Option<usize>,
    pub drip_bytes_per_second: Option<u32>,
    pub connection: Option<Disconnect>,
    /// Whether the request is handled before anything else happens.
    pub after_commit: bool,
}

impl Effect {
    /// Whether the emulator's own response is never sent.
    pub fn replaces_response(&self) -> bool {
        self.status.is_some() || self.body.is_some() || self.connection.is_some()
    }
}

/// Whether a response with a status may have a body.
pub(crate) fn may_have_body(status: u16) -> bool {
    !matches!(status, 204 | 304)
}
