//! The generated pages of `docs/reference`. Each test generates a page and fails if the file is out of date;
//! `UPDATE_DOCS=1 cargo test` writes the files instead.

mod api;
mod clients;
mod errors;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the package, which has `docs` only in a clone of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a page with the file, or writes it.
fn check_page(name: &str, page: &str) {
    let path: PathBuf = root().join("docs/reference").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, page).expect("written");
    } else {
        let file = fs::read_to_string(path).expect("the page");
        assert!(file == page, "docs/reference/{name} is out of date: `UPDATE_DOCS=1 cargo test`");
    }
}

/// A text for a cell of a table.
fn cell(text: &str) -> String {
    text.trim().replace('\n', " ").replace('|', "\\|")
}
