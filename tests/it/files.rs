//! The files that the emulator writes: only its user reads them, and nothing that was put in their place is written through.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use yotpo_mock::YotpoMock;

/// An empty folder for a test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may be left from another run.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_link_in_the_place_of_the_temporary_state_file_is_not_followed() {
    let folder = folder("files-link");
    let victim = folder.join("victim");
    fs::write(&victim, "untouched").expect("a file");
    let state = folder.join("state.json");
    let plant = || symlink(&victim, folder.join("state.json.tmp")).expect("a link");
    plant();
    let mock = YotpoMock::builder().state_file(&state).start();
    plant();
    mock.save_state().expect("it is saved");
    assert_eq!(fs::read_to_string(&victim).expect("it is there"), "untouched");
    assert_eq!(mode(&state), 0o600);
}

#[test]
fn a_state_file_does_not_get_the_mode_of_a_file_in_the_place_of_the_temporary_one() {
    let folder = folder("files-mode");
    let state = folder.join("state.json");
    let mock = YotpoMock::builder().state_file(&state).start();
    let temporary = folder.join("state.json.tmp");
    fs::write(&temporary, "planted").expect("a file");
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o666)).expect("a mode");
    mock.save_state().expect("it is saved");
    assert_eq!(mode(&state), 0o600);
}

#[test]
fn a_new_journal_file_is_private() {
    let path = folder("files-journal").join("journal.ndjson");
    drop(YotpoMock::builder().journal_file(&path).start());
    assert_eq!(mode(&path), 0o600);
}

#[test]
#[cfg(feature = "tls")]
fn a_key_of_an_authority_that_others_can_read_is_refused() {
    let folder = folder("files-key");
    drop(YotpoMock::builder().ca_dir(&folder).start());
    let key = folder.join("ca-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("a mode");
    let error = YotpoMock::builder().ca_dir(&folder).try_start().unwrap_err();
    let text = format!("{error}\n{}", error.hint()).replace(folder.to_str().expect("UTF-8"), "DIR");
    insta::assert_snapshot!(text, @"
    cannot use the certificate authority in `DIR`: others can read or change `ca-key.pem`, and so pretend to be the emulator
    if nobody has read it, `chmod 600` on the file; otherwise remove the folder
    ");
    assert_eq!(mode(&key), 0o640, "it is left as it was");
}
