//! What differs from one system to the next. The only place that knows; every floor may ask it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Creates a file anew. Secrets stand in it: nobody else need read it.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes sure that a new name in a folder survives, too.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Where a folder cannot be opened as a file, its system keeps names in order by itself.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Lets this process open as many descriptors as its hard limit allows: an emulator takes 5 and one for each connection,
/// and the usual soft limit of 1,024, or 256 on macOS, is met by some dozens of them.
#[cfg(unix)]
pub(crate) fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::sync::Once;

    /// More than macOS lets a process have whatever its hard limit says.
    const ENOUGH: u64 = 10_240;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
        if limit.current.is_some_and(|current| current < wanted) {
            let raised = Rlimit {
                current: Some(wanted),
                ..limit
            };
            // Where it is refused, the limit stays, and what meets it says so.
            let _ = setrlimit(Resource::Nofile, raised);
        }
    });
}

/// Whether something failed since this process, or the system, has no more descriptors.
#[cfg(unix)]
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(rustix::io::Errno::MFILE.raw_os_error()) || code == Some(rustix::io::Errno::NFILE.raw_os_error())
}

#[cfg(not(unix))]
pub(crate) fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}

/// There is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_descriptor_limit() {}
