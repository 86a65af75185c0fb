//! Redaction of tokens and secrets in everything that the journal shows.
//!
//! The journal stores raw bytes and redacts them when they are read. In JSON, headers and parameters, values are replaced whose
//! name ends in a word for a secret. Other text, such as broken or truncated JSON, loses too much rather than too little.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::domain::access_token;

const REDACTED: &str = "[redacted]";

/// Headers that contain credentials, although their names do not end in one of [`SECRET_WORDS`].
const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// The words for secrets, with which names end: `client_secret`, `clientSecret`, `X-Auth-Token`. In text, what follows one is
/// hidden.
const SECRET_WORDS: [&str; 4] = ["secret", "token", "password", "passwd"];

/// The last word of a name for a secret only after another word: `api_key`, `X-Api-Key`.
const KEY: &str = "key";

/// Words in a segment of a path that holds a token.
const TOKEN_WORDS: [&str; 2] = [access_token::PREFIX, "access_token="];

/// A path without the segments that hold a token or one of `words`, however often they are encoded.
pub(crate) fn redact_path<'a>(path: &'a str, words: &[&str]) -> Cow<'a, str> {
    let has_word = |text: &str| TOKEN_WORDS.iter().chain(words).any(|word| text.contains(word));
    // Most paths: one search is much faster than one in each segment.
    if !path.contains('%') && !has_word(path) {
        return Cow::Borrowed(path);
    }
    let is_hidden = |segment: &str| {
        let mut decoded = Cow::Borrowed(segment);
        while let Cow::Owned(again) = percent_decode_str(&decoded).decode_utf8_lossy()
            && again != decoded
        {
            decoded = Cow::Owned(again);
        }
        has_word(&decoded)
    };
    let segments = path.split('/').map(|segment| if is_hidden(segment) { REDACTED } else { segment });
    Cow::Owned(segments.collect::<Vec<_>>().join("/"))
}

/// The value of a header, whose name is in lower case.
pub(super) fn redact_header(name: &str, value: &str) -> String {
    if is_hidden(name) { REDACTED.to_owned() } else { redact(value, true) }
}

/// Whether the journal hides the value of a header, whose name is in lower case.
pub(crate) fn is_hidden(name: &str) -> bool {
    SECRET_HEADERS.contains(&name) || is_secret(name)
}

/// The value of a query parameter.
pub(super) fn redact_parameter(name: &str, value: String) -> String {
    if is_secret(name) { REDACTED.to_owned() } else { value }
}

/// Redacts a JSON value at any depth.
pub(super) fn redact_json(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            for (key, value) in object {
                *value = if is_secret(key) { REDACTED.into() } else { redact_json(value.take()) };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = redact_json(value.take())),
        _ => {}
    }
    value
}

/// Redacts text. After a secret word, a form field (`word=value&`) loses its value; any other text loses the rest.
pub(super) fn redact_text(text: &str) -> String {
    redact(text, false)
}

/// As [`redact_text`], or only the form fields: the sentences of a header such as `X-Yotpo-Mock-Note` have such words.
fn redact(text: &str, only_fields: bool) -> String {
    let letters = decode_letters(text);
    let mut redacted = String::with_capacity(text.len());
    let mut copied_to = 0;
    for at in 0..letters.len() {
        let start = at.checked_sub(1).map_or(0, |before| letters[before].1);
        let word = SECRET_WORDS.iter().find(|word| {
            let spelled = letters[at..].iter().map(|(letter, _)| letter.to_ascii_lowercase());
            spelled.take(word.len()).eq(word.chars())
        });
        let Some(word) = word.filter(|_| start >= copied_to) else {
            continue;
        };
        let (_, word_end) = letters[at + word.len() - 1];
        let equals_sign = letters.get(at + word.len()).filter(|(letter, _)| *letter == '=');
        if equals_sign.is_none() && only_fields {
            continue;
        }
        let value_start = equals_sign.map_or(word_end, |(_, end)| *end);
        redacted.push_str(&text[copied_to..value_start]);
        redacted.push_str(REDACTED);
        let value_length = equals_sign.and_then(|_| text[value_start..].find('&'));
        let Some(value_length) = value_length else {
            return redacted;
        };
        copied_to = value_start + value_length;
    }
    redacted.push_str(&text[copied_to..]);
    redacted
}

/// The path of the first expected value that the journal hides, so that no entry can have it; `None` if there is none. Names of
/// headers are in lower case.
pub(crate) fn find_hidden(path: &str, expected: &Value) -> Option<String> {
    match expected {
        Value::Object(object) => object.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            let is_shown = value.is_null() || *value == REDACTED;
            if is_hidden(&name.to_lowercase()) && !is_shown { Some(path) } else { find_hidden(&path, value) }
        }),
        Value::Array(values) => values.iter().find_map(|value| find_hidden(path, value)),
        _ => None,
    }
}

fn is_secret(name: &str) -> bool {
    let lower_case = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| lower_case.ends_with(word)) || ends_in_key(name)
}

/// Whether a name has several words, the last of which is `key`: not `monkey`, and not `key` alone.
fn ends_in_key(name: &str) -> bool {
    let Some(start) = name.len().checked_sub(KEY.len()).filter(|start| *start > 0 && name.is_char_boundary(*start))
    else {
        return false;
    };
    let (before, last) = name.split_at(start);
    let begins_word =
        before.ends_with(['_', '-', '.', ' ']) || last.starts_with('K') && !before.ends_with(char::is_uppercase);
    last.eq_ignore_ascii_case(KEY) && (begins_word || before.eq_ignore_ascii_case("api"))
}

/// The characters of a text, each with the byte offset of its end. `%73`, `%2573` and `\u0073` are decoded, and the NULs of text in
/// UTF-16 are left out.
fn decode_letters(text: &str) -> Vec<(char, usize)> {
    let mut letters = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let digits = |from: usize, to: usize| Some((rest.get(from..to)?, to));
        let escape = match first {
            '%' => {
                // A percent sign that is encoded itself, however often.
                let mut from = 1;
                while rest[from..].starts_with("25") {
                    from += 2;
                }
                digits(from, from + 2).or(digits(1, 3))
            }
            '\\' if rest.starts_with("\\u") => digits(2, 6),
            _ => None,
        };
        let decoded =
            escape.and_then(|(digits, length)| Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, length)));
        let (letter, length) = decoded.unwrap_or((first, first.len_utf8()));
        at += length;
        if letter != '\0' {
            letters.push((letter, at));
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_redacted_at_any_depth() {
        let redacted = redact_json(json!({"a": [{"Secret": "x"}], "client_secret": {"b": 1}, "token_type": "Bearer"}));
        assert_eq!(
            redacted,
            json!({"a": [{"Secret": "[redacted]"}], "client_secret": "[redacted]", "token_type": "Bearer"})
        );
    }

    #[test]
    fn text_loses_too_much_rather_than_too_little() {
        for (text, redacted) in [
            ("", ""),
            ("größe=1&b=2", "größe=1&b=2"),
            ("client_secret=x%26y&a=b&secret=z", "client_secret=[redacted]&a=b&secret=[redacted]"),
            ("a=b&%73ecret=x&c=d", "a=b&%73ecret=[redacted]&c=d"),
            ("secret=access_token&c=d", "secret=[redacted]&c=d"),
            (r#"{"a":1,"\u0073ECRET":"x","b":2"#, r#"{"a":1,"\u0073ECRET[redacted]"#),
            (r#"{"access_token":"x"#, r#"{"access_token[redacted]"#),
            ("a=b&api%255Fsecret=x&c=d", "a=b&api%255Fsecret=[redacted]&c=d"),
            ("%2525%73ecret=x", "%2525%73ecret=[redacted]"),
            ("a=%25", "a=%25"),
            ("{\0\"\0P\0a\0s\0s\0w\0o\0r\0d\0\"\0:\0x\0", "{\0\"\0P\0a\0s\0s\0w\0o\0r\0d[redacted]"),
            ("é%zz\\u12%é", "é%zz\\u12%é"),
        ] {
            assert_eq!(redact_text(text), redacted);
        }
    }

    #[test]
    fn names_that_end_in_a_word_for_a_secret_are_hidden() {
        for name in
            ["clientSecret", "api_secret", "X-Auth-Token", "userPassword", "API_KEY", "apiKey", "apikey", "x-api-key"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["token_type", "secret_santa", "monkey", "key", "", "é", "ékey", "external_id"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secret_headers_are_hidden_and_others_redacted_as_text() {
        assert_eq!(redact_header("x-yotpo-token", "x"), "[redacted]");
        assert_eq!(redact_header("accept", "*/*"), "*/*");
        assert_eq!(redact_header("referer", "http://a/?access_token=x"), "http://a/?access_token=[redacted]");
    }
}
