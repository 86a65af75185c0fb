//! The cursor of a page.

use percent_encoding::percent_decode_str;
use yotpo_mock::__internal::{Cursor, CursorScope, CustomerNumber, Diagnostics, Include, MAX_LIMIT, PageRequest};
use yotpo_mock::rule;

use super::{SCOPE, to_text, whole_store};

/// Decodes the bytes as a cursor. Then reads them as a page request and a script that edits the cursor of that request.
///
/// # Panics
///
/// If a cursor of another scope or an edited one is accepted, or a valid one is rejected.
pub fn cursor(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes)
        && let Some(request) = Cursor::decode(text, SCOPE)
    {
        assert_eq!(text, percent_decode(&Cursor::encode(request, SCOPE)), "a request has one cursor");
    }
    let (request, script) = page_request(bytes);
    let cursor = percent_decode(&Cursor::encode(request.clone(), SCOPE));
    let decoded = Cursor::decode(&cursor, SCOPE).expect("an encoded cursor is valid");
    assert_eq!(to_text(&decoded), to_text(&request));
    for other in [CursorScope { store: "other", ..SCOPE }, CursorScope { epoch: 1, ..SCOPE }] {
        assert_eq!(Cursor::decode(&cursor, other), None, "a cursor is valid in its own scope only");
    }

    let edited = edit(&cursor, script);
    let parameters = [("page_info".to_owned(), edited.clone())];
    let expected = match &*edited {
        "" | "null" => Ok(PageRequest { limit: MAX_LIMIT, include: Include::default(), ..whole_store() }),
        _ if edited == cursor => Ok(request),
        _ if percent_decode(&edited) == cursor => Err(&rule::CURSOR_ENCODED_TWICE),
        _ => Err(&rule::CURSOR_INVALID),
    };
    match (PageRequest::read(&parameters, SCOPE, &mut Diagnostics::default()), expected) {
        (Ok(read), Ok(request)) => assert_eq!(to_text(&read), to_text(&request)),
        (Err(broken_rules), Err(rule)) => {
            assert!(broken_rules.iter().all(|broken| broken.rule == rule), "{broken_rules:?}");
        }
        (read, expected) => panic!("{edited} gives {read:?} instead of {expected:?}"),
    }
}

/// What arrives of a cursor that is sent unchanged.
pub fn percent_decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Reads a page request from the first bytes: flags of the parameters, limit, position, the length of a text and the text.
/// Returns the remaining bytes with it.
pub fn page_request(bytes: &[u8]) -> (PageRequest, &[u8]) {
    let first_page = PageRequest { limit: MAX_LIMIT, ..whole_store() };
    let [flags, limit, after, length, rest @ ..] = bytes else {
        return (first_page, bytes);
    };
    let (text, rest) = rest.split_at(rest.len().min(usize::from(*length)));
    let text = String::from_utf8_lossy(text);
    let limit = (1 + usize::from(*limit) % MAX_LIMIT).to_string();
    let parameters = [
        ("email", &*text),
        ("phone_number", &text),
        ("external_ids", &text),
        ("include_custom_properties", "true"),
        ("expand", "loyalty"),
        ("expand", "reviews,loyalty"),
        ("limit", &limit),
    ];
    let parameters: Vec<_> = parameters
        .iter()
        .enumerate()
        .filter(|(at, _)| flags & (1 << at) != 0)
        .map(|(_, (name, value))| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let read = PageRequest::read(&parameters, SCOPE, &mut Diagnostics::default());
    let request = PageRequest {
        after: CustomerNumber::from(*after) << if flags & 0x80 == 0 { 0 } else { 40 },
        ..read.unwrap_or(first_page)
    };
    (request, rest)
}

/// Edits a text by a script of three bytes a step: operation, position and character.
fn edit(text: &str, script: &[u8]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for step in script.chunks_exact(3) {
        let (operation, at, character) = (step[0], usize::from(step[1]), char::from(step[2]));
        // The highest bit counts the position from the end, so that one byte reaches both ends of a long text.
        let at = if operation & 0x80 == 0 { at } else { characters.len().saturating_sub(at) };
        let at = at.min(characters.len());
        match operation & 0x7f {
            0 => characters.truncate(at),
            1 => drop(characters.drain(..at)),
            2 => characters.insert(at, character),
            3 if at < characters.len() => drop(characters.remove(at)),
            4 if at < characters.len() => characters[at] = character,
            5 if at < characters.len() => drop(characters.splice(at..=at, percent_encode(characters[at]))),
            6 if at + 1 < characters.len() => characters.swap(at, at + 1),
            _ => {}
        }
    }
    characters.into_iter().collect()
}

fn percent_encode(character: char) -> Vec<char> {
    let mut bytes = [0; 4];
    let bytes = character.encode_utf8(&mut bytes).bytes();
    bytes.flat_map(|byte| format!("%{byte:02X}").chars().collect::<Vec<_>>()).collect()
}
