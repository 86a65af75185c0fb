//! What is asked of the control surface, read strictly: what is not known is refused by name, since a misspelt fault must not
//! pass silently.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{self, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::access::Access;
use super::error::ControlError;
use super::world_of;
use crate::domain::json::{self, MAX_DEPTH, Malformed};
use crate::http::request::parse_query;
use crate::world::World;
use crate::world::text::{join_quoted, truncate};

/// The largest body of the control surface unless told otherwise, in bytes: 256 MiB.
pub(super) const DEFAULT_BODY_LIMIT: usize = 256 * 1024 * 1024;

/// One request to the control surface.
pub(super) struct ControlRequest {
    pub world: Arc<World>,
    query: Result<Vec<(String, String)>, ControlError>,
    request: HttpRequest,
    payload: Payload,
}

impl FromRequest for ControlRequest {
    type Error = actix_web::Error;
    type Future = Ready<Result<ControlRequest, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let query = parse_query(request.query_string());
        let query = query.map_err(|_| ControlError::bad("the query is not UTF-8", "percent-encode it as UTF-8"));
        ready(Ok(ControlRequest {
            world: world_of(request),
            query,
            request: request.clone(),
            payload: payload.take(),
        }))
    }
}

impl ControlRequest {
    /// A part of the path, decoded.
    pub fn path(&self, name: &str) -> &str {
        self.request.match_info().query(name)
    }

    /// The query's parameters, all of which are known; of a repeated one the last wins.
    ///
    /// # Errors
    ///
    /// Names a parameter that is not known.
    pub fn query<const N: usize>(&mut self, known: [&str; N]) -> Result<[Option<String>; N], ControlError> {
        let query = std::mem::replace(&mut self.query, Ok(Vec::new()))?;
        let mut values = [const { None }; N];
        for (name, value) in query {
            match known.iter().position(|known| *known == name) {
                Some(at) => values[at] = Some(value),
                None => {
                    let hint = match known.as_slice() {
                        [] => "it takes none".to_owned(),
                        known => format!("it takes {}", join_quoted(known)),
                    };
                    return Err(ControlError::bad(
                        format!("`{name}` is not a parameter of this request"),
                        hint,
                    ));
                }
            }
        }
        Ok(values)
    }

    /// The only parameter of many requests: the store that is meant, if not all are.
    ///
    /// # Errors
    ///
    /// As [`query`](ControlRequest::query) does, and if the store is empty.
    pub fn store(&mut self) -> Result<Option<String>, ControlError> {
        let [store] = self.query(["store"])?;
        if store.as_deref() == Some("") {
            return Err(ControlError::bad(
                "`store` is empty",
                "name a store, or leave it out to mean all",
            ));
        }
        Ok(store)
    }

    /// The body, which must be a JSON object with known keys only; no body is an empty object.
    ///
    /// # Errors
    ///
    /// If it is not, or too large.
    pub async fn object(self, known: &[&str]) -> Result<Map<String, Value>, ControlError> {
        let object = self.any_object().await?;
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(ControlError::bad(
                format!("`{key}` is not a key of this request"),
                format!("it takes {}", join_quoted(known)),
            )),
            None => Ok(object),
        }
    }

    /// The body, which must be a JSON object; no body is an empty one.
    ///
    /// # Errors
    ///
    /// If it is not, or too large.
    pub async fn any_object(self) -> Result<Map<String, Value>, ControlError> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            return Ok(Map::new());
        }
        match json::parse_value(&bytes) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(other) => Err(ControlError::bad(
                format!("the body is `{}`", truncate(&other)),
                "send a JSON object",
            )),
            Err(Malformed::TooDeep) => Err(ControlError::bad(
                format!("the body is nested deeper than {MAX_DEPTH} levels"),
                "send a JSON object",
            )),
            Err(Malformed::NotJson(error)) => Err(ControlError::bad(
                format!("the body is not JSON: {error}"),
                "send a JSON object",
            )),
        }
    }

    /// The body as a text.
    ///
    /// # Errors
    ///
    /// As [`bytes`](ControlRequest::bytes) does, and if it is not UTF-8.
    pub async fn text(self) -> Result<String, ControlError> {
        String::from_utf8(self.bytes().await?.into()).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            ControlError::bad(format!("the body is not UTF-8 from byte {at} on"), "send it as UTF-8")
        })
    }

    /// The body as it came.
    ///
    /// # Errors
    ///
    /// If it is too large, or ends in the middle.
    pub async fn bytes(mut self) -> Result<BytesMut, ControlError> {
        let access = self.request.app_data::<Data<Access>>();
        let limit = access.expect("every app is told who may use this surface").body_limit;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.payload.next().await {
            let chunk = chunk.map_err(|error| {
                ControlError::bad(format!("the body did not arrive whole: {error}"), "send it again")
            })?;
            if bytes.len() + chunk.len() > limit {
                return Err(ControlError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the body is larger than {limit} bytes"),
                    "send it in parts, or raise `--control-body-limit`",
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// Does what may take long where it keeps nobody else waiting.
///
/// # Errors
///
/// If it panics, or the emulator is stopping.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ControlError> {
    web::block(work).await.map_err(|_| {
        ControlError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the emulator failed at this, or is stopping",
            "its log tells more",
        )
    })
}

/// Reads a whole number from a query, within bounds.
///
/// # Errors
///
/// If it is not one.
pub(super) fn number(
    name: &str,
    text: Option<&str>,
    default: u64,
    bounds: std::ops::RangeInclusive<u64>,
) -> Result<u64, ControlError> {
    let Some(text) = text else { return Ok(default) };
    text.parse()
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            let hint = format!("it is a whole number from {} to {}", bounds.start(), bounds.end());
            ControlError::bad(format!("`{name}` is `{text}`"), hint)
        })
}
