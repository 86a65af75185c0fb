//! Layers use only those below them: main → mock → http → world → domain.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a folder.
pub fn rust_files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("the sources are there") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Names that must not be in the code of each layer; an empty layer means all. Comments may have them.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    (
        "domain",
        &[
            "actix",
            "crate::world",
            "crate::http",
            "crate::mock",
            "Mutex",
            "RwLock",
            "StatusCode",
            "Utc::now",
            "Instant::now",
            "SystemTime",
        ],
    ),
    ("world", &["actix", "crate::http", "crate::mock", "StatusCode"]),
    ("http", &["crate::mock"]),
    ("", &["crate::__internal", "todo!(", "unimplemented!(", "dbg!(", "FIXME"]),
];

#[test]
fn no_layer_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    assert!(files.len() > 20, "the sources were found");
    for file in files {
        let name = file.strip_prefix(&root).expect("it was found there").with_extension("");
        let layer = name.iter().next().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("sources are UTF-8");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        for (_, words) in FORBIDDEN.iter().filter(|(of, _)| of.is_empty() || *of == layer) {
            for word in *words {
                assert!(!code.contains(word), "{} must not name `{word}`", name.display());
            }
        }
    }
}

#[test]
fn only_http_uses_actix_web() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    for file in files {
        let name = file.strip_prefix(&root).expect("it was found there");
        let allowed = ["http", "http.rs"].iter().any(|known| name.starts_with(known));
        let text = fs::read_to_string(&file).expect("sources are UTF-8");
        assert!(allowed || !text.contains("actix_web"), "{} must not use actix", name.display());
    }
}
