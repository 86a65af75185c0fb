//! JSON as clients send it, read into a tree.
//!
//! serde_json's own tree is not read here: it takes an object with a certain key for a text to be parsed once more, which a
//! client could use to nest deeper than is allowed, and it stops at a depth of its own.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The deepest nesting of arrays and objects.
///
/// Source: contract, "Errors" (assumed).
pub const MAX_DEPTH: usize = 128;

/// Why a text is not taken.
#[derive(Debug)]
pub enum Malformed {
    /// Arrays and objects stand in each other more than [`MAX_DEPTH`] deep.
    TooDeep,
    /// It is not JSON in UTF-8; in the parser's words, with line and column.
    NotJson(serde_json::Error),
}

/// Reads a text that holds one JSON value; of duplicate keys the last wins.
///
/// # Errors
///
/// The first reason why it is not taken; a text may have both.
pub fn parse(bytes: &[u8]) -> Result<Value, Malformed> {
    let too_deep = Cell::new(false);
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    // The depth is counted here; the parser's own limit is one lower.
    parser.disable_recursion_limit();
    let tree = Tree {
        depth_left: MAX_DEPTH,
        too_deep: &too_deep,
    };
    let read = tree
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    read.map_err(|error| {
        if too_deep.get() {
            Malformed::TooDeep
        } else {
            Malformed::NotJson(error)
        }
    })
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    depth_left: usize,
    too_deep: &'a Cell<bool>,
}

impl Tree<'_> {
    /// For what stands in an array or object at this place.
    fn within<E: Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Tree { depth_left, ..self }),
            None => {
                self.too_deep.set(true);
                Err(E::custom("nested too deep"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let within = self.within()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(within)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let within = self.within()?;
        let mut object = Map::new();
        while let Some(key) = pairs.next_key::<Key>()? {
            object.insert(key.0, pairs.next_value_seed(within)?);
        }
        Ok(Value::Object(object))
    }
}

/// A key of an object, which is always a text.
#[derive(Deserialize)]
struct Key(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn nesting_is_taken_to_its_limit_and_no_further() {
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(matches!(
            parse(nested(MAX_DEPTH + 1).as_bytes()),
            Err(Malformed::TooDeep)
        ));
        assert!(matches!(
            parse("[".repeat(1_000_000).as_bytes()),
            Err(Malformed::TooDeep)
        ));
        let in_a_text = format!(r#"["\"{}"]"#, "[".repeat(200));
        assert!(parse(in_a_text.as_bytes()).is_ok(), "brackets in texts do not nest");
    }

    #[test]
    fn no_key_is_special() {
        let text = r#"{"$serde_json::private::RawValue":"[[[","$serde_json::private::Number":"7"}"#;
        let value = parse(text.as_bytes()).expect("it is JSON");
        assert_eq!(value["$serde_json::private::RawValue"], "[[[");
        assert_eq!(value["$serde_json::private::Number"], "7");
    }

    #[test]
    fn a_value_must_stand_alone() {
        for text in ["", "1 2", "{", "[1,]", "\u{feff}1"] {
            assert!(matches!(parse(text.as_bytes()), Err(Malformed::NotJson(_))), "{text}");
        }
    }
}
