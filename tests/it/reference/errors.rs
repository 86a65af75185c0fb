//! `errors.md` is written by hand; it has each message of the sources.

use std::fs;

use super::root;
use crate::tidy::rust_files;

/// Messages that are only seen inside of this crate, or that repeat another one's text.
const INTERNAL: &[&str] = &["a fault truncates the response here"];

#[test]
fn the_page_of_errors_has_each_message() {
    let page = fs::read_to_string(root().join("docs/reference/errors.md")).expect("the page");
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    rust_files(&root().join("src"), &mut files);
    for file in files {
        let source = fs::read_to_string(&file).expect("UTF-8");
        let attributes = source.split("#[error(").skip(1);
        let control = source.split("ControlError::").skip(1).filter_map(skip_to_message);
        for message in attributes.chain(control).filter_map(string_literal) {
            let parts = constant_parts(&message).into_iter();
            missing.extend(parts.filter(|part| !page.contains(part) && !INTERNAL.contains(&&**part)));
        }
    }
    assert_eq!(missing, [""; 0], "docs/reference/errors.md has to explain these");
}

/// The arguments of a constructor of `ControlError` from its message on, if that is a literal.
fn skip_to_message(call: &str) -> Option<&str> {
    let (before, _) = call.split_once('"')?;
    let is_first = before
        .split(['(', ','])
        .map(str::trim)
        .all(|word| ["new", "bad", "not_found", "format!", ""].contains(&word) || word.starts_with("StatusCode::"));
    is_first.then(|| &call[before.len()..])
}

/// The text of the string with which some arguments begin.
fn string_literal(arguments: &str) -> Option<String> {
    let text = arguments.trim_start().strip_prefix('"')?;
    let end = text.match_indices('"').map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))?;
    // A line that ends with a backslash continues after the spaces of the next one.
    let lines = text[..end].split("\\\n").map(str::trim_start);
    Some(lines.collect::<String>())
}

/// The parts of a message between its placeholders that are long enough to be found by.
fn constant_parts(message: &str) -> Vec<String> {
    let mut parts = message.split('{').map(|part| part.rsplit_once('}').map_or(part, |(_, rest)| rest));
    let first = parts.next().unwrap_or_default();
    let parts = std::iter::once(first).chain(parts);
    let parts = parts.map(|part| part.trim_matches([' ', ':', ';', ',', '.', '`', '(', ')']).to_owned());
    parts.filter(|part| part.chars().count() >= 8).collect()
}
