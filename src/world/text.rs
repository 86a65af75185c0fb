//! How values and names stand in a sentence.

use std::fmt;

/// Names in backticks, joined as in a sentence.
pub(crate) fn join_quoted(names: &[impl fmt::Display]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// So many of something: `1 request`, `2 requests`.
pub(crate) fn pluralize(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A value, or a text, as it is quoted: cut where it is long.
pub(crate) fn truncate(value: impl fmt::Display) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
