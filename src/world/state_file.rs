//! The state file, which keeps the state between runs.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::state_document::State;
use crate::os::{create_private, sync_directory};

/// The size of the write buffer.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that always contains a complete state, even if the process dies while it writes.
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

    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or its directory does not exist.
    pub fn read(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            // A missing directory is an error now rather than when the state is saved.
            Err(error) if error.kind() == io::ErrorKind::NotFound && directory_of(&self.path).is_dir() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the state in the file atomically: a reader finds the old or the new state, even after a crash of the process or
    /// the machine. Returns the length in bytes.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. Then it is unchanged.
    pub fn write(&self, state: impl FnOnce() -> State) -> io::Result<u64> {
        let _writing = self.writing.lock();
        // A symbolic link is kept, and the temporary file must be in the directory of its target to be renamed.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let directory = directory_of(&path);
        // Always the same name, so that the file of a killed process is overwritten.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = directory.join(name);
        let written = replace(&temporary, &path, directory, &state());
        if written.is_err() {
            // It may not exist.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
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
