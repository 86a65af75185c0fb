//! The clients of `examples/unmodified` know only Yotpo's hosts; their environment redirects them.

use std::fs;
use std::path::{Path, PathBuf};

/// What would lead a client elsewhere: a proxy, this machine, or the environment, as each language reads it.
const FORBIDDEN: [&str; 18] = [
    "proxy",
    "tunnel",
    "localhost",
    "127.0.0.",
    "::1",
    "0.0.0.0",
    "4600",
    "yotpo_",
    "environ",
    "getenv",
    "printenv",
    "env[",
    "env(",
    "env::",
    "env.",
    "_server[",
    "getproperty",
    "cainfo",
];

/// What is installed or built there is not ours.
const NOT_OURS: [&str; 3] = ["node_modules", "target", "Cargo.lock"];

fn rust_files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("the clients are there") {
        let path = entry.expect("a readable entry").path();
        if NOT_OURS.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            rust_files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_client_mentions_the_mock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/unmodified");
    let mut files = Vec::new();
    rust_files(&folder, &mut files);
    let mut clients = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("sources are UTF-8");
        clients += usize::from(text.contains("https://api.yotpo.com/core/v3/stores/shop"));
        let text = text.to_lowercase();
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{} must not hold `{word}`", file.display());
        }
    }
    // Cargo packages no nested crate.
    let expected = 10 + usize::from(folder.join("rust").exists());
    assert_eq!(clients, expected, "each contains Yotpo's address");
}
