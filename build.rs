//! Passes the commit from which the binary is built to it, if git knows it.

use std::path::Path;
use std::process::Command;

fn main() {
    // A missing file would run this at each build, and a packaged crate has no history.
    for file in ["build.rs", ".git/HEAD", ".git/logs/HEAD"].into_iter().filter(|file| Path::new(file).exists()) {
        println!("cargo:rerun-if-changed={file}");
    }
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok());
    println!("cargo:rustc-env=BUILD_COMMIT={}", commit.as_deref().map_or("unknown", str::trim));
}
