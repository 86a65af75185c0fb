//! Why an emulator does not start, and what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fmt, io};

use crate::os::is_out_of_descriptors;

/// Why an emulator did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A seed cannot be read, or says something impossible.
    Seed {
        /// The file, or `a document`.
        name: String,
        /// What is wrong, with line, entry and field.
        reason: String,
    },
    /// The state file cannot be read, or is no state.
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A store is declared in a way that contradicts itself or a seed.
    Store {
        /// What contradicts what.
        reason: String,
    },
    /// The journal's file cannot be written.
    JournalFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// TLS cannot be spoken as it is wanted.
    Tls {
        /// What is wrong.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The proxy is to lead to a host that the emulator stands for, or to none.
    Passthrough {
        /// The host.
        host: String,
    },
    /// There is no thread or no descriptor for the server, or no thread for the journal's file.
    Thread {
        /// What the system says.
        source: io::Error,
    },
}

impl StartError {
    /// What to do about it, in one line.
    ///
    /// ```
    /// let error = yotpo_mock::YotpoMock::builder().seed("[]").try_start().unwrap_err();
    /// println!("error: {error}\nhint: {}", error.hint());
    /// ```
    pub fn hint(&self) -> &'static str {
        match self {
            StartError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "`--port 0` takes any free port and prints it"
            }
            StartError::Listen { source, .. } | StartError::Thread { source } if is_out_of_descriptors(source) => {
                "`ulimit -n` raises the limit of open descriptors"
            }
            StartError::Listen { .. } => "`--host localhost` listens on the loopback interface",
            StartError::Seed { .. } => {
                "a seed is JSON or NDJSON: {\"stores\":[{\"id\":\"shop\",\"customers\":[…],\"events\":[…]}]}"
            }
            StartError::State { .. } => "name another file, or move this one away to start with the seeds",
            StartError::Store { .. } => "give each store one secret, by `--store ID:SECRET` or by one seed",
            StartError::JournalFile { .. } => "`--journal-file` names a file in a folder that is there and takes files",
            StartError::Tls { hint, .. } => hint,
            StartError::Passthrough { .. } => {
                "`--proxy-passthrough` names one host at a time, without a port, and none of the vendor's"
            }
            StartError::Thread { .. } => "look at the limits of this process",
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Listen { address, source } => write!(f, "cannot listen on `{address}`: {}", plainly(source)),
            StartError::Seed { name, reason } => write!(f, "cannot seed from `{name}`: {reason}"),
            StartError::State { path, reason } => write!(f, "cannot read the state in `{}`: {reason}", path.display()),
            StartError::Store { reason } => write!(f, "cannot declare the stores: {reason}"),
            StartError::JournalFile { path, source } => {
                let path = path.display();
                let reason = match source.kind() {
                    io::ErrorKind::NotFound => "no such folder".to_owned(),
                    _ => plainly(source),
                };
                write!(f, "cannot write the journal to `{path}`: {reason}")
            }
            StartError::Tls { reason, .. } => f.write_str(reason),
            StartError::Passthrough { host } => write!(f, "the proxy cannot lead to `{host}`"),
            StartError::Thread { source } => write!(f, "cannot start a thread: {}", plainly(source)),
        }
    }
}

/// The common errors of sockets and files in lower case and without a number, the others as the system tells them.
pub(super) fn plainly(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

impl std::error::Error for StartError {}
