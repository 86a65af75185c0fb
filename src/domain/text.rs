//! Formatting of values and names in messages.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

/// Joins names in backticks: `` `a`, `b` and `c` ``, or `none`.
pub(crate) fn join_quoted(names: &[impl fmt::Display]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// A count with its noun: `1 request`, `2 requests`.
pub(crate) fn pluralize(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A value in a message, truncated to 80 characters.
pub(crate) fn truncate(value: impl fmt::Display) -> String {
    truncate_to(value, 80)
}

/// A JSON value in a message, truncated: a text is in backticks, and invisible characters are escaped.
pub(crate) fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let mut visible = String::new();
            for letter in truncate(text).chars() {
                match letter {
                    '"' | '\'' | '\\' => visible.push(letter),
                    _ => visible.extend(letter.escape_debug()),
                }
            }
            format!("`{visible}`")
        }
        other => truncate(other),
    }
}

/// `` ; did you mean `name`? `` with the name most similar to a misspelt one, if one is similar enough.
pub(crate) fn did_you_mean<'a>(misspelt: &str, names: impl Iterator<Item = &'a str>) -> String {
    let similar = names.map(|name| (strsim::jaro_winkler(misspelt, name), name));
    let nearest =
        similar.filter(|(similarity, _)| *similarity > 0.85).max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest.map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

/// Truncates a value to a number of characters, and marks that with `…`.
pub(crate) fn truncate_to(value: impl fmt::Display, max_chars: usize) -> String {
    let text = value.to_string();
    match text.char_indices().nth(max_chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Percent-encodes a value as one segment of a path or one value of a query: all but the unreserved characters of RFC 3986.
pub(crate) fn percent_encode(value: &str) -> PercentEncode<'_> {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(value, ENCODED)
}
