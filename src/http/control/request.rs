//! Strict reading of a control request: unknown parameters and keys are errors, so that no typo in a test has no effect.

use std::future::{Ready, ready};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::ControlError;
use super::access::Access;
use crate::domain::json::{self, MAX_DEPTH, Malformed};
use crate::domain::text::{join_quoted, truncate};
use crate::http::request::parse_query;
use crate::world::World;
use crate::world::strict_json;

/// The default limit for the body of a control request, in bytes: 256 MiB.
pub(super) const DEFAULT_BODY_LIMIT: usize = 256 * 1024 * 1024;

const MAX_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: u64 = 100;

/// How long the body of a control request may pause.
pub(in crate::http) struct BodyPause(pub Duration);

/// One request to the control API.
pub(super) struct ControlRequest {
    pub world: Arc<World>,
    request: HttpRequest,
    payload: Payload,
}

impl FromRequest for ControlRequest {
    type Error = actix_web::Error;
    type Future = Ready<Result<ControlRequest, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(ControlRequest { world: world_of(request), request: request.clone(), payload: payload.take() }))
    }
}

impl ControlRequest {
    /// A decoded parameter of the path.
    pub fn path(&self, name: &str) -> String {
        // actix decodes all but `%2F`, `%2B` and `%25`.
        percent_decode_str(self.request.match_info().query(name)).decode_utf8_lossy().into_owned()
    }

    /// The values of the known query parameters; of a repeated one the last.
    ///
    /// # Errors
    ///
    /// If a parameter is unknown or empty, or the query is not UTF-8.
    pub fn query<const N: usize>(&self, known: [&str; N]) -> Result<[Option<String>; N], ControlError> {
        let parameters = parse_query(self.request.query_string())
            .map_err(|_| ControlError::bad("the query is not UTF-8", "percent-encode it as UTF-8"))?;
        let mut values = [const { None }; N];
        for (name, value) in parameters {
            let Some(at) = known.iter().position(|known| *known == name) else {
                let error = format!("`{name}` is not a parameter of this request");
                let hint = match N {
                    0 => "it has no parameters".to_owned(),
                    _ => format!("it has {}", join_quoted(&known)),
                };
                return Err(ControlError::bad(error, hint));
            };
            if value.is_empty() {
                let hint = "name a value, or leave the parameter out";
                return Err(ControlError::bad(format!("`{name}` is empty"), hint));
            }
            values[at] = Some(value);
        }
        Ok(values)
    }

    /// The query parameter `store`, the only one that most requests have; `None` means all stores.
    ///
    /// # Errors
    ///
    /// As [`query`](ControlRequest::query).
    pub fn store(&self) -> Result<Option<String>, ControlError> {
        let [store] = self.query(["store"])?;
        Ok(store)
    }

    /// The body as a type; without a body, that of an empty object. The hint says what would be right.
    ///
    /// # Errors
    ///
    /// If the body is not a JSON object of this type, too large or incomplete.
    pub async fn json<T: DeserializeOwned>(&mut self, hint: &'static str) -> Result<T, ControlError> {
        from_object(self.object().await?, hint)
    }

    /// Checks that there is no body, or an empty object.
    ///
    /// # Errors
    ///
    /// If there is another body.
    pub async fn no_body(&mut self) -> Result<(), ControlError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Empty {}

        self.json("send no body").await.map(|Empty {}| ())
    }

    /// The body as a JSON object; without a body, an empty one.
    ///
    /// # Errors
    ///
    /// If the body is not a JSON object, too large or incomplete.
    pub async fn object(&mut self) -> Result<Map<String, Value>, ControlError> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            return Ok(Map::new());
        }
        let error = match json::parse_value(&bytes) {
            Ok(Value::Object(object)) => return Ok(object),
            Ok(other) => format!("the body is `{}`", truncate(&other)),
            Err(Malformed::TooDeep) => format!("the body is nested deeper than {MAX_DEPTH} levels"),
            Err(Malformed::NotJson(error)) => format!("the body is not JSON: {}", json::describe(&error)),
        };
        Err(ControlError::bad(error, "send a JSON object"))
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// If the body is not UTF-8, too large or incomplete.
    pub async fn text(&mut self) -> Result<String, ControlError> {
        String::from_utf8(self.bytes().await?.into()).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            ControlError::bad(format!("the body is not UTF-8 from byte {at} on"), "send it as UTF-8")
        })
    }

    async fn bytes(&mut self) -> Result<BytesMut, ControlError> {
        let access = self.request.app_data::<Data<Access>>();
        let limit = access.expect("the app has its access rules").body_limit;
        let too_large = || {
            ControlError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes"),
                "send it in parts, or raise `--control-body-limit`",
            )
        };
        let pause = self.request.app_data::<Data<BodyPause>>().expect("the app has its time limit").0;
        let late = |_| {
            ControlError::new(
                StatusCode::REQUEST_TIMEOUT,
                format!("the body paused for {} s", pause.as_secs_f64()),
                "send it without a pause, or raise `--read-timeout`",
            )
        };
        let declared = self.request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: u64| length > limit as u64) {
            return Err(too_large());
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = timeout(pause, self.payload.next()).await.map_err(late)? {
            let chunk = chunk
                .map_err(|error| ControlError::bad(format!("the body is incomplete: {error}"), "send it again"))?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn world_of(request: &HttpRequest) -> Arc<World> {
    let world = request.app_data::<Data<World>>().expect("the app has its world");
    world.clone().into_inner()
}

/// Reads an object as a type.
///
/// # Errors
///
/// If a key is unknown or missing, or a value is not as the type requires; with the path of the value.
pub(super) fn from_object<T: DeserializeOwned>(
    object: Map<String, Value>,
    hint: &'static str,
) -> Result<T, ControlError> {
    strict_json::from_value(Value::Object(object)).map_err(|error| ControlError::bad(error.to_string(), hint))
}

/// Deserializes a whole number within bounds.
pub(super) fn whole_number<'de, D, T, const MIN: u64, const MAX: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: From<u64>,
{
    let value = Value::deserialize(deserializer)?;
    match value.as_u64().filter(|number| (MIN..=MAX).contains(number)) {
        Some(number) => Ok(number.into()),
        None => {
            Err(D::Error::custom(format!("must be a whole number from {MIN} to {MAX}, and is `{}`", truncate(&value))))
        }
    }
}

/// Parses the query parameter `limit`: 1 to 1000, by default 100.
///
/// # Errors
///
/// If it is something else.
pub(super) fn parse_limit(text: Option<String>) -> Result<usize, ControlError> {
    let limit = parse_number("limit", text, DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    Ok(usize::try_from(limit).expect("the largest limit fits"))
}

/// Parses a query parameter as a whole number.
///
/// # Errors
///
/// If it is not one within the bounds.
pub(super) fn parse_number(
    name: &str,
    text: Option<String>,
    default: u64,
    bounds: RangeInclusive<u64>,
) -> Result<u64, ControlError> {
    let Some(text) = text else { return Ok(default) };
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        let hint = format!("it is a whole number from {} to {}", bounds.start(), bounds.end());
        ControlError::bad(format!("`{name}` is `{text}`"), hint)
    })
}
