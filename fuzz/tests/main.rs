//! The fuzz targets on a stable toolchain: with the committed corpora, with every value at every place of a valid document,
//! and with generated input.

#[path = "../src/lib.rs"]
mod targets;

mod documents;
mod generated;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use documents::{customer_body, event_body, pointers, seed, seed_line};

type Target = fn(&[u8]);

fn replay(name: &str, target: Target) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = fs::read_dir(corpus).expect("every target has a corpus");
    let files: Vec<_> = files.map(|file| file.expect("a readable entry").path()).collect();
    assert!(files.len() >= 5, "the corpus of {name} has files");
    for file in files {
        target(&fs::read(file).expect("a readable file"));
    }
}

#[test]
fn every_property_holds_for_the_corpora() {
    replay("customer_body", targets::customer_body);
    replay("event_body", targets::event_body);
    replay("query", targets::query);
    replay("cursor", targets::cursor);
    replay("seed", targets::seed);
}

/// Values that parsers often get wrong.
fn edge_values() -> Vec<Value> {
    let mut nested = json!("deep");
    for _ in 0..100 {
        nested = json!([nested]);
    }
    vec![
        Value::Null,
        json!(true),
        json!(u64::MAX),
        json!(""),
        json!(" \u{0}\u{a0}"),
        json!("\u{1f600}".repeat(256)),
        json!("2016-12-31T23:59:60Z"),
        json!("ann@example.com"),
        json!([]),
        json!({}),
        json!({"": {"": null}}),
        nested,
    ]
}

/// Calls the target with each edge value in turn at each place of a document.
fn replace_everywhere(document: &Value, target: Target) {
    for pointer in pointers(document) {
        replace_at(&pointer, document, target);
    }
}

fn replace_at(pointer: &str, document: &Value, target: Target) {
    for value in edge_values() {
        let mut document = document.clone();
        *document.pointer_mut(pointer).expect("the pointer is of this document") = value;
        target(document.to_string().as_bytes());
    }
}

#[test]
fn a_customer_may_have_any_value_anywhere() {
    replace_everywhere(&customer_body(), targets::customer_body);
}

#[test]
fn an_event_may_have_any_value_anywhere() {
    replace_everywhere(&event_body(), targets::event_body);
}

#[test]
fn a_seed_may_have_any_value_anywhere() {
    replace_everywhere(&seed(), targets::seed);
    for pointer in ["", "/store", "/secret", "/customer", "/event"] {
        replace_at(pointer, &seed_line(), targets::seed);
    }
}

#[test]
fn a_document_may_end_anywhere() {
    for (document, target) in [
        (customer_body(), targets::customer_body as Target),
        (event_body(), targets::event_body),
        (seed(), targets::seed),
    ] {
        let text = document.to_string();
        (0..text.len()).for_each(|end| target(&text.as_bytes()[..end]));
    }
}

/// Covers every combination of parameters, then every kind of edit at every position.
#[test]
fn an_edited_cursor_is_rejected() {
    for flags in 0..=u8::MAX {
        targets::cursor(&[[flags, 9, 3, 7].as_slice(), b"a@b.c,d"].concat());
    }
    for operation in 0..7_u8 {
        for at in 0..=u8::MAX {
            for character in *b"A=% " {
                targets::cursor(&[0b110_0001, 9, 3, 5, b'a', b'@', b'b', b'.', b'c', operation, at, character]);
            }
        }
    }
}
