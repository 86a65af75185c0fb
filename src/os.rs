//! What differs between operating systems; every layer may use it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that may hold secrets, readable by its owner only. It replaces what is there: a link would be followed, and a
/// file keeps its mode.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => private().write(true).create_new(true).open(path),
    }
}

/// Opens a file that may hold secrets, to append to it. A new one is readable by its owner only.
pub(crate) fn append_private(path: &Path) -> io::Result<File> {
    private().append(true).create(true).open(path)
}

/// Options with which a new file is readable by its owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether others than its owner can read or change a file. Only known on Unix.
#[cfg(feature = "tls")]
pub(crate) fn is_shared(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    let others = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077;
    #[cfg(not(unix))]
    let others = 0;
    others != 0
}

/// Flushes a directory to disk, so that a new name in it survives a crash. Other systems than Unix do so themselves.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Raises the soft limit of open descriptors: the emulator needs one per connection, and the usual limits of 1,024 on Linux and 256
/// on macOS are soon reached. Does nothing where there is no such limit.
pub(crate) fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        use std::sync::Once;

        /// The most that macOS allows, whatever the hard limit is.
        const ENOUGH: u64 = 10_240;
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let limit = getrlimit(Resource::Nofile);
            let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
            if limit.current.is_some_and(|current| current < wanted) {
                let raised = Rlimit { current: Some(wanted), ..limit };
                // If this fails, the limit stays, and the error of the connection that exceeds it names it.
                let _ = setrlimit(Resource::Nofile, raised);
            }
        });
    }
}

/// Common errors in plain words, without the number of the system's message.
pub(crate) fn describe_io_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}

/// As [`describe_io_error`], for a file that is created: only its directory can be missing.
pub(crate) fn describe_create_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such folder".to_owned(),
        _ => describe_io_error(error),
    }
}

/// Whether the process or the system had no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let codes = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
        error.raw_os_error().is_some_and(|code| codes.contains(&code))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}
