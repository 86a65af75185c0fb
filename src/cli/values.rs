//! Parsers for the values of flags.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use thiserror::Error;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use yotpo_mock::{EmptyResult, Validation};

/// Why the value of a flag is rejected.
#[derive(Debug, Error)]
pub enum InvalidValue {
    #[error("must be 1, true, 0 or false")]
    Switch,
    #[error("must be a whole number from 0 to {0}")]
    WholeNumber(u64),
    #[error("must be a whole number from 1 to 256")]
    Workers,
    #[error("must be a number of bytes, such as 1000, 64KiB or 2MB")]
    Size,
    #[error("must be at least one byte")]
    EmptySize,
    #[error("must fit in memory")]
    HugeSize,
    #[error(transparent)]
    Duration(#[from] humantime::DurationError),
    #[error("must be longer than zero")]
    ZeroDuration,
    #[error("must be a scheme, a host and optionally a port, without a path: http://localhost:3000")]
    Origin,
    #[error("must begin with http://, name a host, and have a valid port if any")]
    HttpUrl,
    #[error("must begin with http://, name a host, have a valid port if any, and end there")]
    MockUrl,
    #[error("must be ID or ID:SECRET, split at the first colon, neither of them empty")]
    Credentials,
    #[error("a store must be declared as ID:SECRET, split at the first colon, neither of them empty")]
    StoreDeclaration,
    #[error("store `{0}` is declared with two different secrets")]
    TwoSecrets(String),
}

pub fn switch(text: &str) -> Result<bool, InvalidValue> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(InvalidValue::Switch),
    }
}

/// A whole number of a type with at most 64 bits.
pub fn whole_number<T: FromStr>(text: &str) -> Result<T, InvalidValue> {
    let bits = 8 * size_of::<T>();
    text.parse().map_err(|_| InvalidValue::WholeNumber(u64::MAX >> (64 - bits)))
}

pub fn workers(text: &str) -> Result<usize, InvalidValue> {
    text.parse().ok().filter(|workers| (1..=256).contains(workers)).ok_or(InvalidValue::Workers)
}

/// A number of bytes, as `64KiB` or `1000`.
pub fn size(text: &str) -> Result<usize, InvalidValue> {
    let bytes: ByteSize = text.parse().map_err(|_| InvalidValue::Size)?;
    usize::try_from(bytes.as_u64()).map_err(|_| InvalidValue::HugeSize)
}

pub fn positive_size(text: &str) -> Result<usize, InvalidValue> {
    match size(text)? {
        0 => Err(InvalidValue::EmptySize),
        bytes => Ok(bytes),
    }
}

pub fn positive_duration(text: &str) -> Result<Duration, InvalidValue> {
    match humantime::parse_duration(text)? {
        Duration::ZERO => Err(InvalidValue::ZeroDuration),
        duration => Ok(duration),
    }
}

/// An origin as browsers send it. Empty texts pass: a variable with several values may have empty lines.
pub fn origin(text: &str) -> Result<String, InvalidValue> {
    let authority = text.split_once("://").map_or("", |(_, authority)| authority);
    let is_origin =
        !authority.is_empty() && !authority.contains('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || is_origin { Ok(text.to_owned()) } else { Err(InvalidValue::Origin) }
}

pub fn http_url(text: &str) -> Result<String, InvalidValue> {
    match text.parse::<Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.authority().is_some_and(has_valid_port) => {
            Ok(text.to_owned())
        }
        _ => Err(InvalidValue::HttpUrl),
    }
}

/// Whether a host is followed by a port from 0 to 65535, or by nothing.
pub fn has_valid_port(authority: &Authority) -> bool {
    authority.port_u16().is_some() || authority.as_str().ends_with(authority.host())
}

pub fn empty_result() -> impl TypedValueParser<Value = EmptyResult> {
    PossibleValuesParser::new(["ok", "error"]).map(|word| match &*word {
        "ok" => EmptyResult::Ok,
        _ => EmptyResult::Error,
    })
}

pub fn validation() -> impl TypedValueParser<Value = Validation> {
    PossibleValuesParser::new(["strict", "lenient"]).map(|word| match &*word {
        "strict" => Validation::Strict,
        _ => Validation::Lenient,
    })
}
