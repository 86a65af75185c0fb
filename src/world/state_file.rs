//! The state file: where the state outlives the process.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::state_document::State;
use crate::os::{create_private, sync_directory};

/// How much is written at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A file that holds a state whole, whenever the process ends.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// Held while it is written: one state at a time.
    writing: Mutex<()>,
}

impl StateFile {
    pub fn new(path: PathBuf) -> StateFile {
        StateFile {
            path,
            writing: Mutex::default(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be read, or its folder is not there.
    pub fn read(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            // Told now, and not when the state is lost.
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder_of(&self.path).is_dir() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a state in the place of the one in the file, whole or not at all: whoever reads the file finds the one or the other,
    /// also after the process or the machine has died in the middle. Gives the length in bytes.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then the file is as it was.
    pub fn write(&self, state: impl FnOnce() -> State) -> io::Result<u64> {
        let _alone = self.writing.lock();
        // A link stays one, and the temporary file must be in the folder of the file that it becomes.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = folder_of(&path);
        // Always the same, so that what a killed process left behind is written over.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = folder.join(name);
        let written = replace(&temporary, &path, folder, &state());
        if written.is_err() {
            // It may not even be there.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn replace(temporary: &Path, path: &Path, folder: &Path, state: &State) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(PIECE_BYTES, create_private(temporary)?);
    state.write(&mut out)?;
    out.flush()?;
    let file = out.get_ref();
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    fs::rename(temporary, path)?;
    sync_directory(folder)?;
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
