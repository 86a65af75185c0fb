//! The errors of a start, each with a hint.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::os::{describe_create_error, describe_io_error, is_out_of_descriptors};

/// An error of a type that is not part of the public interface.
pub(super) type Cause = Box<dyn StdError + Send + Sync>;

/// Why an emulator did not start. [`hint`](StartError::hint) says what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {}", describe_io_error(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A seed cannot be read, or is invalid.
    #[error("cannot seed from `{name}`: {source}")]
    Seed {
        /// The file, or `a document`.
        name: String,
        /// The cause, with line, entry and field.
        source: Cause,
    },
    /// The state file cannot be read, or is invalid.
    #[error("cannot read the state in `{}`: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// The state file cannot be written.
    #[error("cannot save the state in `{}`: {source}", path.display())]
    StateNotWritable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Cause,
    },
    /// The declarations of a store contradict each other.
    #[error("cannot declare the stores: {source}")]
    Store {
        /// The contradiction.
        source: Cause,
    },
    /// The journal file cannot be written.
    #[error("cannot write the journal to `{}`: {}", path.display(), describe_create_error(source))]
    JournalFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The TLS options cannot be used.
    #[error("{source}")]
    Tls {
        /// The cause.
        source: Cause,
        /// What to do about it.
        hint: &'static str,
    },
    /// The proxy cannot pass through to this host: it is one of the emulator's, or no host.
    #[error("the proxy cannot forward to `{host}`")]
    Passthrough {
        /// The host.
        host: String,
    },
    /// A thread, or a file descriptor for it, is not available.
    #[error("cannot start a thread: {}", describe_io_error(source))]
    Thread {
        /// The cause.
        source: io::Error,
    },
}

impl StartError {
    pub(super) fn thread(source: io::Error) -> StartError {
        StartError::Thread { source }
    }

    /// What to do about the error, in one line. It names flags of the command line.
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
            StartError::StateNotWritable { .. } => {
                "`--state` names a file in a folder that takes files, or a writable file that is mounted by itself"
            }
            StartError::Store { .. } => "give each store one secret, by `--store ID:SECRET` or by one seed",
            StartError::JournalFile { .. } => "`--journal-file` names a file in a folder that is there and takes files",
            StartError::Tls { hint, .. } => hint,
            StartError::Passthrough { .. } => {
                "`--proxy-passthrough` is HOST or HOST:PORT, by default with port 443, and not one of Yotpo's hosts"
            }
            StartError::Thread { .. } => "look at the limits of this process",
        }
    }
}

/// An I/O error that is displayed by [`describe_io_error`].
#[derive(Debug, Error)]
#[error("{}", describe_io_error(.0))]
pub(super) struct PlainIoError(#[source] pub io::Error);
