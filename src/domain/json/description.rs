//! The errors of serde and serde_json in plain words.

use std::borrow::Cow;
use std::fmt;

use crate::domain::text::did_you_mean;

/// An error of serde or serde_json in plain words. A message about a wrong type continues a sentence that begins with the value.
pub fn describe(error: &impl fmt::Display) -> String {
    let message = error.to_string();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let position = message.rsplit_once(" at line ").and_then(|(message, position)| {
        let (line, column) = position.split_once(" column ")?;
        (is_number(line) && is_number(column)).then(|| (message, format!(" (line {line}, column {column})")))
    });
    let (message, position) = position.unwrap_or((&message, String::new()));
    let wrong = ["invalid type: ", "invalid value: "].into_iter().find_map(|prefix| message.strip_prefix(prefix));
    let message = if let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) {
        format!("must be {}, and is {}", describe_type(expected), describe_found(found))
    } else if let Some(token) = message.strip_prefix("EOF while parsing ") {
        format!("it ends in the middle of {}", if token == "a list" { "an array" } else { token })
    } else if let Some(variant) = message.strip_prefix("unknown variant ") {
        let (found, expected) = variant.split_once(", expected ").unwrap_or((variant, "something else"));
        format!("must be {expected}, and is {found}")
    } else if let Some(field) = message.strip_prefix("missing field ") {
        format!("{field} is missing")
    } else if message.starts_with("unknown field ") {
        // The first name in backticks is the unknown one, and the others are known.
        let mut names = message.split('`').skip(1).step_by(2);
        let unknown = names.next().unwrap_or_default();
        format!("{message}{}", did_you_mean(unknown, names))
    } else {
        message.to_owned()
    };
    message + &position
}

/// What serde expected, in plain words.
fn describe_type(expected: &str) -> &str {
    match expected {
        "a sequence" => "an array",
        "a map" => "an object",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "a borrowed string" => "a string",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    }
}

/// What serde found, in plain words.
fn describe_found(found: &str) -> Cow<'_, str> {
    match found {
        "sequence" => "an array".into(),
        "map" => "an object".into(),
        "null" => "null".into(),
        found => match found.strip_prefix("string \"").and_then(|text| text.strip_suffix('"')) {
            Some(text) => format!("`{text}`").into(),
            None => found.split_once('`').map_or(found.into(), |(_, value)| format!("`{value}").into()),
        },
    }
}
