//! The definition of a fault, as the control API, state documents and the Rust API have it.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::effect::{Disconnect, Effect, may_have_body};
use crate::domain::operation::Operation;
use crate::domain::text::join_quoted;
use crate::world::strict_json::{self, InvalidJson, whole};
use crate::world::verification::{self, InvalidExpectation};

/// The longest delay, in milliseconds: a day.
const MAX_DELAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The headers that the transports set, because the bytes on the connection depend on them.
const RESERVED_HEADERS: [&str; 6] =
    ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];

/// The requests that a fault applies to, and its effect.
///
/// To add an effect, add a field here and in [`Effect`], set the one from the other in [`FaultDefinition::effect`], apply it in
/// `http/faults.rs`, offer it in `mock/fault.rs` and describe it in `openapi/control.yaml`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FaultDefinition {
    #[serde(rename = "match", deserialize_with = "strict_json::object")]
    pub criteria: Option<Criteria>,
    /// The number of matching requests that are left alone first.
    #[serde(deserialize_with = "whole::<_, _, 0, { u64::MAX }>")]
    pub after: Option<u64>,
    /// The number of requests that the fault applies to; without it, to all.
    #[serde(deserialize_with = "whole::<_, _, 1, { u64::MAX }>")]
    pub times: Option<u64>,
    #[serde(deserialize_with = "probability")]
    pub probability: Option<f64>,
    #[serde(deserialize_with = "whole::<_, _, 0, { u64::MAX }>")]
    pub seed: Option<u64>,
    #[serde(deserialize_with = "whole::<_, _, 200, 599>")]
    pub status: Option<u16>,
    /// A string is sent as it is, every other value as JSON.
    pub body: Option<Value>,
    pub headers: Option<Map<String, Value>>,
    pub content_type: Option<String>,
    pub malformed_json: Option<bool>,
    pub delay_ms: Option<Delay>,
    #[serde(deserialize_with = "whole::<_, _, 0, { u32::MAX as u64 }>")]
    pub truncate_bytes: Option<usize>,
    #[serde(deserialize_with = "whole::<_, _, 1, { u32::MAX as u64 }>")]
    pub drip_bytes_per_second: Option<u32>,
    pub expire_token: Option<bool>,
    pub connection: Option<Disconnect>,
    pub after_commit: Option<bool>,
}

/// The properties that a request must have: the rules are those of a verification.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Criteria {
    pub operation: Option<String>,
    pub store: Option<String>,
    pub method: Option<String>,
    pub path: Option<String>,
    pub query: Option<Value>,
    pub headers: Option<Value>,
    pub body: Option<Value>,
}

/// A delay in milliseconds: always the same, or drawn for each request.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Delay {
    Fixed(u64),
    Between(DelayRange),
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DelayRange {
    #[serde(deserialize_with = "whole::<_, _, 0, MAX_DELAY_MS>", skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    #[serde(deserialize_with = "whole::<_, _, 0, MAX_DELAY_MS>", skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    #[serde(deserialize_with = "whole::<_, _, 0, { u64::MAX }>", skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// A fault that is not possible.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidFault {
    #[error(transparent)]
    Json(#[from] InvalidJson),
    #[error("`match.{}` is `{}`: {}", .0.name, .0.value, .0.hint)]
    Criteria(#[source] InvalidExpectation),
    #[error("no operation has this `match.operation`, `match.method` and `match.path`, so the fault could never apply")]
    NoOperation,
    #[error("it has no effect: give `status`, `body`, `connection`, `delay_ms` or another")]
    NoEffect,
    #[error("`after_commit` goes with `status`, `body`, `connection`, `delay_ms` or `expire_token`")]
    AfterCommitAlone,
    #[error("`expire_token` has no effect on {0}: no token is needed there")]
    NoTokenToExpire(String),
    #[error("`after_commit` has no effect on {0}: there is nothing to commit")]
    NothingToCommit(String),
    #[error("`connection` leaves no response: it goes neither with `status` nor with any other change of a response")]
    ConnectionWithResponse,
    #[error("a response with `status` {0} has no body: it goes neither with `body` nor with a change of one")]
    NoBody(u16),
    #[error("`delay_ms.max` must be a whole number from {min} to {MAX_DELAY_MS}")]
    DelayRange { min: u64 },
    #[error("`content_type` must be a valid header value, and is `{0}`")]
    ContentType(String),
    #[error("`headers.{0}` must be the name of a header, and its value a string or a number that is valid in one")]
    Header(String),
    #[error(
        "`headers.{0}` is set by HTTP itself: use `connection` to end the connection, `truncate_bytes` for a body that is \
         shorter than its length, and `content_type` for the type"
    )]
    ReservedHeader(String),
    #[error("there are {} faults already: `DELETE /_mock/faults` removes them", super::CAPACITY)]
    TooMany,
}

impl FaultDefinition {
    pub fn from_json(object: Map<String, Value>) -> Result<FaultDefinition, InvalidFault> {
        Ok(strict_json::from_value(Value::Object(object))?)
    }

    /// The definition without its unset keys.
    pub fn to_json(&self) -> Map<String, Value> {
        let Value::Object(mut object) = json!(self) else { unreachable!("a struct is an object") };
        object.retain(|_, value| !value.is_null());
        if let Some(criteria) = &self.criteria {
            object.insert("match".to_owned(), criteria.to_json().into());
        }
        object
    }

    /// The effect on a request.
    ///
    /// # Errors
    ///
    /// If there is none, a header is not valid, or two effects contradict each other.
    pub fn effect(&self) -> Result<Effect, InvalidFault> {
        let effect = Effect {
            delay: Default::default(),
            expire_token: self.expire_token.unwrap_or(false),
            status: self.status,
            body: self.body.as_ref().map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned)),
            content_type: match &self.content_type {
                Some(text) if !is_header_value(text) => return Err(InvalidFault::ContentType(text.clone())),
                content_type => content_type.clone(),
            },
            headers: self.headers.iter().flatten().map(header).collect::<Result<_, _>>()?,
            malformed_json: self.malformed_json.unwrap_or(false),
            truncate_bytes: self.truncate_bytes,
            drip_bytes_per_second: self.drip_bytes_per_second,
            connection: self.connection,
            after_commit: self.after_commit.unwrap_or(false),
        };
        let has_delay = self.delay_bounds()?.1 > 0;
        let nothing = Effect { after_commit: effect.after_commit, ..Effect::default() };
        if effect == nothing && !has_delay {
            return Err(InvalidFault::NoEffect);
        }
        let expected = self.criteria.as_ref().map(Criteria::to_json).unwrap_or_default();
        // Without any, the match is invalid.
        let operations: Vec<_> = Operation::matching(&expected).collect();
        let only_matches =
            |condition: fn(&Operation) -> bool| !operations.is_empty() && operations.iter().all(condition);
        let names = || operations.iter().map(|operation| operation.as_str()).collect::<Vec<_>>();
        if effect.expire_token && only_matches(|operation| !operation.needs_token()) {
            return Err(InvalidFault::NoTokenToExpire(join_quoted(&names())));
        }
        if effect.after_commit && only_matches(|operation| *operation == Operation::RetrieveCustomers) {
            return Err(InvalidFault::NothingToCommit(join_quoted(&names())));
        }
        if effect.after_commit && !effect.replaces_response() && !effect.expire_token && !has_delay {
            return Err(InvalidFault::AfterCommitAlone);
        }
        let only_connection = Effect { connection: effect.connection, expire_token: effect.expire_token, ..nothing };
        if effect.connection.is_some() && effect != only_connection {
            return Err(InvalidFault::ConnectionWithResponse);
        }
        let has_body = effect.body.as_ref().is_some_and(|body| !body.is_empty()) || effect.malformed_json;
        let sends_body = has_body || effect.truncate_bytes.is_some() || effect.drip_bytes_per_second.is_some();
        match effect.status {
            Some(status) if sends_body && !may_have_body(status) => Err(InvalidFault::NoBody(status)),
            _ => Ok(effect),
        }
    }

    /// The shortest and the longest delay, in milliseconds.
    pub fn delay_bounds(&self) -> Result<(u64, u64), InvalidFault> {
        match self.delay_ms {
            None => Ok((0, 0)),
            Some(Delay::Fixed(delay)) => Ok((delay, delay)),
            Some(Delay::Between(DelayRange { min, max, .. })) => {
                let min = min.unwrap_or(0);
                match max.filter(|max| (min..=MAX_DELAY_MS).contains(max)) {
                    Some(max) => Ok((min, max)),
                    None => Err(InvalidFault::DelayRange { min }),
                }
            }
        }
    }

    /// The seed of all random decisions: the fault's own, or that of its delay.
    pub fn random_seed(&self) -> u64 {
        let delay_seed = match self.delay_ms {
            Some(Delay::Between(range)) => range.seed,
            _ => None,
        };
        self.seed.or(delay_seed).unwrap_or(0)
    }
}

impl Criteria {
    pub fn to_json(&self) -> Map<String, Value> {
        let Value::Object(mut object) = json!(self) else { unreachable!("a struct is an object") };
        object.retain(|_, value| !value.is_null());
        object
    }

    /// The expectation that a matching request meets.
    pub fn expectation(&self) -> Result<Value, InvalidFault> {
        let mut expected = self.to_json();
        verification::check(&expected).map_err(InvalidFault::Criteria)?;
        // If the operation is named, `check` has compared it with the method and the path.
        let (method, path) = (self.method.as_deref(), self.path.as_deref());
        if !Operation::ALL.iter().any(|operation| operation.accepts(method, path)) {
            return Err(InvalidFault::NoOperation);
        }
        verification::lowercase_headers(&mut expected);
        Ok(Value::Object(expected))
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Delay, D::Error> {
        struct DelayVisitor;

        impl<'de> Visitor<'de> for DelayVisitor {
            type Value = Delay;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of milliseconds, or an object with `min`, `max` and `seed`")
            }

            fn visit_u64<E: Error>(self, delay: u64) -> Result<Delay, E> {
                match delay {
                    0..=MAX_DELAY_MS => Ok(Delay::Fixed(delay)),
                    _ => Err(E::custom(format!("must be a whole number from 0 to {MAX_DELAY_MS}, and is `{delay}`"))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, range: A) -> Result<Delay, A::Error> {
                DelayRange::deserialize(MapAccessDeserializer::new(range)).map(Delay::Between)
            }
        }

        deserializer.deserialize_any(DelayVisitor)
    }
}

fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0) {
        None if !value.is_null() => {
            Err(D::Error::custom(format!("must be a number above 0 and at most 1, and is `{value}`")))
        }
        share => Ok(share),
    }
}

fn header((name, value): (&String, &Value)) -> Result<(String, String), InvalidFault> {
    let text = match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_name = !name.is_empty() && name.bytes().all(is_allowed);
    match text.filter(|text| is_name && is_header_value(text)) {
        Some(_) if RESERVED_HEADERS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) => {
            Err(InvalidFault::ReservedHeader(name.clone()))
        }
        Some(text) => Ok((name.clone(), text)),
        None => Err(InvalidFault::Header(name.clone())),
    }
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}
