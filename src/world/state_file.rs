//! The state file, which keeps the state between runs.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use thiserror::Error;

use super::state_document::State;
use crate::os::{create_private, describe_create_error, sync_directory};

/// The size of the write buffer.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that always contains a complete state, even if the process dies while it writes; unless it can only be written in
/// place, because it is mounted by itself or its directory is read-only.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// Held while the file is written.
    writing: Mutex<()>,
}

impl StateFile {
    pub fn new(path: PathBuf) -> StateFile {
        StateFile { path, writing: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; `None` if there is none or it is empty, as a file is that was created to be mounted.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or its directory does not exist.
    pub fn read(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            // A missing directory is an error now rather than when the state is saved.
            Err(error) if error.kind() == io::ErrorKind::NotFound && directory_of(&self.path).is_dir() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Checks that the file can be written, without changing it.
    ///
    /// # Errors
    ///
    /// If it can neither be replaced nor written in place.
    pub fn check_writable(&self) -> io::Result<()> {
        let Paths { path, temporary, .. } = self.paths();
        let in_place = OpenOptions::new().write(true).open(&path);
        let created = create_private(&temporary).and_then(|_| fs::remove_file(&temporary));
        match (created, in_place) {
            // A file that is mounted read-only stays so in a directory that takes files.
            (Ok(()), Err(error)) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Err(error),
            (Ok(()), _) | (Err(_), Ok(_)) => Ok(()),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Replaces the state in the file. Returns the length in bytes.
    ///
    /// A reader finds the old or the new state, even after a crash of the process or the machine. A file that cannot be replaced
    /// by another is written in place, where a reader may find a part of the new state until the end.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. Then it is unchanged, or partly written if it was written in place.
    pub fn write(&self, state: impl FnOnce() -> State) -> Result<u64, SaveError> {
        let _writing = self.writing.lock();
        let Paths { path, temporary, directory } = self.paths();
        let state = state();
        let written = replace(&temporary, &path, &directory, &state);
        if written.is_err() {
            // It may not exist.
            let _ = fs::remove_file(&temporary);
        }
        let written = match written {
            Err(error) if needs_writing_in_place(&error) && path.is_file() => write_in_place(&path, &state),
            other => other,
        };
        written.map_err(|source| SaveError { path: self.path.clone(), source })
    }

    fn paths(&self) -> Paths {
        // A symbolic link is kept, and the temporary file must be in the directory of its target to be renamed.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let directory = directory_of(&path).to_owned();
        // Always the same name, so that the file of a killed process is overwritten.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        Paths { temporary: directory.join(name), path, directory }
    }
}

/// Why the state could not be saved in its file, which keeps its old content if it could not be replaced.
#[derive(Debug, Error)]
#[error("cannot save the state in `{}`: {}", path.display(), describe_create_error(source))]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

impl SaveError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "the file still has the state that was saved last; check its folder and the disk space"
    }
}

struct Paths {
    path: PathBuf,
    /// Where the state is written before it replaces the file.
    temporary: PathBuf,
    directory: PathBuf,
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// Whether a file cannot be replaced because it is a mount point or its directory takes no new files.
fn needs_writing_in_place(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), ResourceBusy | CrossesDevices | ReadOnlyFilesystem | PermissionDenied)
}

fn write_in_place(path: &Path, state: &State) -> io::Result<u64> {
    let mut bytes = Vec::new();
    state.write(&mut bytes)?;
    // Not truncated first, so that the file is never empty.
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&bytes)?;
    let length = u64::try_from(bytes.len()).expect("a length in memory fits 64 bits");
    file.set_len(length)?;
    file.sync_all()?;
    Ok(length)
}

fn replace(temporary: &Path, path: &Path, directory: &Path, state: &State) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, create_private(temporary)?);
    state.write(&mut out)?;
    out.flush()?;
    let file = out.get_ref();
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    fs::rename(temporary, path)?;
    sync_directory(directory)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_left_as_it_was() {
        let folder = std::env::temp_dir().join(format!("yotpo-mock-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = StateFile::new(folder.join("state.json"));
        assert_eq!(file.read().expect("it may be missing"), None);
        file.write(State::default).expect("the folder takes files");
        let told = file.read().expect("it is readable").expect("it is there");
        // A folder in the way of the temporary file.
        fs::create_dir(folder.join("state.json.tmp")).expect("a folder");
        assert!(file.write(State::default).is_err());
        assert_eq!(file.read().expect("it is readable"), Some(told));
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
