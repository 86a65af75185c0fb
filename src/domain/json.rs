//! JSON as clients send it, in a tree that borrows its texts from the body.
//!
//! serde_json parses; the tree is not its `Value`, for these reasons: `Value` parses the text under its private key
//! `$serde_json::private::RawValue` once more, so that a client could exceed the maximum depth; its own maximum depth is 127; and
//! it copies every text.

mod description;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

pub use description::describe;

/// The maximum depth of nested arrays and objects.
///
/// Source: contract, "Errors" (assumed).
pub const MAX_DEPTH: usize = 128;

/// The number of keys up to which duplicates are found by comparing all pairs, which is faster than sorting.
const FEW_KEYS: usize = 48;

/// The reason why a text cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Not JSON, or not UTF-8.
    #[error(transparent)]
    NotJson(serde_json::Error),
}

/// A JSON value. Texts without escapes are borrowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// A JSON object without duplicate keys; their order is unspecified.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The digits of a whole number of at most 64 bits.
    pub fn as_integer(&self) -> Option<String> {
        match self {
            Json::Number(number) if !number.is_f64() => Some(number.to_string()),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl<'a> Object<'a> {
    /// Of pairs with the same key, the last one counts.
    fn from_pairs(mut pairs: Vec<(Cow<'a, str>, Json<'a>)>) -> Object<'a> {
        let has_duplicates = || {
            let mut pairs_before = pairs.iter().enumerate();
            pairs_before.any(|(index, (key, _))| pairs[..index].iter().any(|(earlier, _)| earlier == key))
        };
        if pairs.len() > FEW_KEYS || has_duplicates() {
            // The sort is stable: after the reversal, the last of equal keys comes first and is kept.
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
            pairs.reverse();
            pairs.dedup_by(|(key, _), (later, _)| key == later);
        }
        Object(pairs)
    }

    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }

    /// The pairs in the order of their keys.
    pub fn sorted(&self) -> Vec<(&str, &Json<'a>)> {
        let mut pairs: Vec<_> = self.0.iter().map(|(key, value)| (key.as_ref(), value)).collect();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        pairs
    }
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Json<'a> {
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::String(text) => Json::Text(text.as_str().into()),
            Value::Array(values) => Json::Array(values.iter().map(Json::from).collect()),
            Value::Object(object) => Json::Object(object.into()),
        }
    }
}

impl<'a> From<&'a Map<String, Value>> for Object<'a> {
    fn from(object: &'a Map<String, Value>) -> Object<'a> {
        let pairs = object.iter().map(|(key, value)| (key.as_str().into(), value.into()));
        Object(pairs.collect())
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => value.into(),
            Json::Number(number) => number.into(),
            Json::Text(text) => Value::String(text.into_owned()),
            Json::Array(values) => values.into_iter().map(Value::from).collect(),
            Json::Object(Object(pairs)) => {
                let pairs = pairs.into_iter().map(|(key, value)| (key.into_owned(), value.into()));
                Value::Object(pairs.collect())
            }
        }
    }
}

/// Parses a text that holds one JSON value. Of duplicate keys, the last one counts.
///
/// # Errors
///
/// [`Malformed::TooDeep`], or [`Malformed::NotJson`].
pub fn parse(bytes: &[u8]) -> Result<Json<'_>, Malformed> {
    let is_too_deep = Cell::new(false);
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    // The maximum depth of the parser is one lower than ours.
    parser.disable_recursion_limit();
    let tree = Tree { depth_left: MAX_DEPTH, is_too_deep: &is_too_deep };
    let result = tree.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    result.map_err(|error| match is_too_deep.get() {
        true => Malformed::TooDeep,
        false => Malformed::NotJson(error),
    })
}

/// Parses like [`parse`], into serde_json's tree.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_value(bytes: &[u8]) -> Result<Value, Malformed> {
    parse(bytes).map(Value::from)
}

/// Builds a tree.
#[derive(Clone, Copy)]
struct Tree<'a> {
    depth_left: usize,
    /// Set before the error, since serde_json's error type has no variant for it.
    is_too_deep: &'a Cell<bool>,
}

impl Tree<'_> {
    /// For the values of an array or object.
    fn nested<E: Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Tree { depth_left, ..self }),
            None => {
                self.is_too_deep.set(true);
                Err(E::custom("nested too deep"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        // JSON has no number that is not finite.
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json<'de>, A::Error> {
        let nested = self.nested()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(nested)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let nested = self.nested()?;
        let mut pairs = Vec::with_capacity(8);
        while let Some(key) = map.next_key::<ObjectKey>()? {
            pairs.push((key.0, map.next_value_seed(nested)?));
        }
        Ok(Json::Object(Object::from_pairs(pairs)))
    }
}

/// A key, borrowed if it has no escapes.
#[derive(Deserialize)]
struct ObjectKey<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn nesting_is_accepted_to_its_limit_and_no_further() {
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(matches!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(Malformed::TooDeep)));
        assert!(matches!(parse("[".repeat(1_000_000).as_bytes()), Err(Malformed::TooDeep)));
        let in_a_text = format!(r#"["\"{}"]"#, "[".repeat(200));
        assert!(parse(in_a_text.as_bytes()).is_ok(), "brackets in texts do not nest");
    }

    #[test]
    fn no_key_is_special() {
        let text = r#"{"$serde_json::private::RawValue":"[[[","$serde_json::private::Number":"7"}"#;
        let value = parse_value(text.as_bytes()).expect("it is JSON");
        assert_eq!(value["$serde_json::private::RawValue"], "[[[");
        assert_eq!(value["$serde_json::private::Number"], "7");
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let few = r#"{"a":1,"b":2,"a":3,"\u0061":4}"#.to_owned();
        let many: Vec<_> = (0..200).map(|number| format!(r#""{}":{number}"#, number % 100)).collect();
        let many = format!("{{{}}}", many.join(","));
        for text in [few, many] {
            let expected: Value = serde_json::from_str(&text).expect("it is JSON");
            assert_eq!(parse_value(text.as_bytes()).expect("it is JSON"), expected);
            let read = parse(text.as_bytes()).expect("it is JSON");
            assert_eq!(read.as_object().map(Object::len), expected.as_object().map(Map::len));
        }
    }

    #[test]
    fn a_text_holds_one_value() {
        for text in ["", "1 2", "{", "[1,]", "\u{feff}1"] {
            assert!(matches!(parse(text.as_bytes()), Err(Malformed::NotJson(_))), "{text}");
        }
    }
}
