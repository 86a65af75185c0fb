//! Redaction: tokens and secrets are kept out of everything that the journal shows.
//!
//! What is kept is kept as it came, and looked through when it is shown. What can be read loses the values of some names; what
//! cannot be read - a text, JSON that is broken or was cut - rather loses too much.

use serde_json::Value;

/// What stands where a token or a secret stood.
const REDACTED: &str = "[redacted]";

/// The headers whose values are never shown.
const HEADERS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-yotpo-token",
];

/// The names of parameters, fields and keys whose values are never shown.
const NAMES: [&str; 3] = ["access_token", "client_secret", "secret"];

/// What announces a token or a secret in a text.
const WORDS: [&str; 2] = ["access_token", "secret"];

/// The value of a header, by its name in lower case.
pub(super) fn header(name: &str, value: &str) -> String {
    if is_hidden(name) {
        REDACTED.to_owned()
    } else {
        text(value)
    }
}

/// Whether the value of a header is never shown, by its name in lower case.
pub(crate) fn is_hidden(name: &str) -> bool {
    HEADERS.contains(&name) || is_secret(name)
}

/// The value of a parameter of a query.
pub(super) fn parameter(name: &str, value: String) -> String {
    if is_secret(name) { REDACTED.to_owned() } else { value }
}

/// Takes the secrets out of JSON, at any depth.
pub(super) fn json(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            for (key, value) in object {
                *value = if is_secret(key) {
                    REDACTED.into()
                } else {
                    json(value.take())
                };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = json(value.take())),
        _ => {}
    }
    value
}

/// Takes the secrets out of a text: of a form the values behind certain words, of any other all that follows them.
pub(super) fn text(text: &str) -> String {
    let letters = letters(text);
    let mut shown = String::with_capacity(text.len());
    // What is shown or left out already, in bytes.
    let mut done = 0;
    for at in 0..letters.len() {
        let begins = at.checked_sub(1).map_or(0, |before| letters[before].1);
        let word = WORDS.iter().find(|word| {
            let spelled = letters[at..].iter().map(|(letter, _)| letter.to_ascii_lowercase());
            spelled.take(word.len()).eq(word.chars())
        });
        let Some(word) = word.filter(|_| begins >= done) else {
            continue;
        };
        let (_, end) = letters[at + word.len() - 1];
        let assigned = letters.get(at + word.len()).filter(|(letter, _)| *letter == '=');
        let value = assigned.map_or(end, |(_, end)| *end);
        shown.push_str(&text[done..value]);
        shown.push_str(REDACTED);
        let next = assigned.and_then(|_| text[value..].find('&'));
        let Some(next) = next else {
            return shown;
        };
        done = value + next;
    }
    shown.push_str(&text[done..]);
    shown
}

fn is_secret(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The letters of a text, each with the place where it ends; those that are spelled `%73` or `\u0073` as what they mean.
fn letters(text: &str) -> Vec<(char, usize)> {
    let mut letters = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(plain) = text[at..].chars().next() {
        let rest = &text[at..];
        let digits = |from: usize, to: usize| Some((rest.get(from..to)?, to));
        let spelled = match plain {
            '%' => digits(1, 3),
            '\\' if rest.starts_with("\\u") => digits(2, 6),
            _ => None,
        };
        let meant =
            spelled.and_then(|(digits, length)| Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, length)));
        let (letter, length) = meant.unwrap_or((plain, plain.len_utf8()));
        at += length;
        letters.push((letter, at));
    }
    letters
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_loses_the_values_of_secret_names_at_any_depth() {
        let redacted = json(json!({"a": [{"Secret": "x"}], "client_secret": {"b": 1}, "token_type": "Bearer"}));
        assert_eq!(
            redacted,
            json!({"a": [{"Secret": "[redacted]"}], "client_secret": "[redacted]", "token_type": "Bearer"})
        );
    }

    #[test]
    fn texts_rather_lose_too_much() {
        for (came, shown) in [
            ("", ""),
            ("größe=1&b=2", "größe=1&b=2"),
            (
                "client_secret=x%26y&a=b&secret=z",
                "client_secret=[redacted]&a=b&secret=[redacted]",
            ),
            ("a=b&%73ecret=x&c=d", "a=b&%73ecret=[redacted]&c=d"),
            ("secret=access_token&c=d", "secret=[redacted]&c=d"),
            (r#"{"a":1,"\u0073ECRET":"x","b":2"#, r#"{"a":1,"\u0073ECRET[redacted]"#),
            (r#"{"access_token":"x"#, r#"{"access_token[redacted]"#),
            ("é%zz\\u12%é", "é%zz\\u12%é"),
        ] {
            assert_eq!(text(came), shown);
        }
    }

    #[test]
    fn headers_are_hidden_by_name_and_looked_through_otherwise() {
        assert_eq!(header("x-yotpo-token", "x"), "[redacted]");
        assert_eq!(header("accept", "*/*"), "*/*");
        assert_eq!(
            header("referer", "http://a/?access_token=x"),
            "http://a/?access_token=[redacted]"
        );
    }
}
