//! The error of an invalid JSON document.

use thiserror::Error;

use super::start_error::Cause;

/// Why a seed or a state document is invalid. It names the line, the entry and the field.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct DocumentError(Cause);

impl DocumentError {
    pub(super) fn new(cause: impl Into<Cause>) -> DocumentError {
        DocumentError(cause.into())
    }
}
