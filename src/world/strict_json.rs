//! Strict reading of JSON by serde: every error names the place of the value, and no array passes for an object.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::json::describe;

/// A value that is not as its type requires: `` `clock.frozen` must be a boolean, and is `1` ``.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", prefix(path, message))]
pub(crate) struct InvalidJson {
    /// The place of the value: `stores[0].tokens`; `.` for the whole.
    path: String,
    message: String,
}

/// Our own messages continue a sentence that begins with the place; those of serde stand alone.
fn prefix(path: &str, message: &str) -> String {
    match path {
        "" | "." if message.starts_with("must ") => "it ".to_owned(),
        "" | "." => String::new(),
        _ if message.starts_with("must ") => format!("`{path}` "),
        _ => format!("{path}: "),
    }
}

impl<E: fmt::Display> From<serde_path_to_error::Error<E>> for InvalidJson {
    fn from(error: serde_path_to_error::Error<E>) -> InvalidJson {
        InvalidJson::new(&error.path().to_string(), error.inner())
    }
}

impl InvalidJson {
    /// An error of serde at a path, as `serde_path_to_error` spells it.
    pub fn new(path: &str, error: &impl fmt::Display) -> InvalidJson {
        let message = describe(error);
        // In a syntax error the last part is a placeholder, and an unknown field is named by the message itself.
        let path = match path.rsplit_once('.') {
            Some((parent, "?")) => parent,
            None if path == "?" => ".",
            Some((parent, _)) if message.starts_with("unknown field") => parent,
            None if message.starts_with("unknown field") => ".",
            _ => path,
        };
        InvalidJson { path: path.to_owned(), message }
    }
}

/// Reads a text that holds one value and nothing else.
pub(crate) fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, InvalidJson> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer)?;
    deserializer.end().map_err(|error| InvalidJson { path: ".".to_owned(), message: describe(&error) })?;
    Ok(value)
}

/// The path of the first value that is not as its type requires, in a text that begins with an invalid value.
pub(crate) fn path_of_error<'de, T: Deserialize<'de>>(text: &'de str) -> String {
    let read = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(text));
    read.map_or_else(|error| error.path().to_string(), |_| ".".to_owned())
}

/// Reads a value that was parsed before.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, InvalidJson> {
    Ok(serde_path_to_error::deserialize(value)?)
}

/// Reads a whole number within bounds; null counts as absent. For `deserialize_with`.
pub(crate) fn whole<'de, D, T, const LEAST: u64, const MOST: u64>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_u64().filter(|number| (LEAST..=MOST).contains(number));
    match number.and_then(|number| T::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(D::Error::custom(format!("must be a whole number from {LEAST} to {MOST}, and is `{value}`"))),
    }
}

/// A value that must be a JSON object: serde would also read an array, by position.
pub(crate) struct StrictObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for StrictObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = StrictObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(StrictObject)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Reads an optional object. For `deserialize_with`.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let object = Option::<StrictObject<T>>::deserialize(deserializer)?;
    Ok(object.map(|StrictObject(object)| object))
}
