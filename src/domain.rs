//! The domain: the data and the decisions of Yotpo's system.
//!
//! It is plain data and pure functions. It reads no clock (`now` is an argument), knows no HTTP status and takes no lock.

pub(crate) mod access_token;
pub(crate) mod customer;
pub(crate) mod event;
pub mod evidence;
pub(crate) mod history;
pub(crate) mod identifiers;
mod identity_index;
pub(crate) mod json;
pub(crate) mod merge;
pub mod note;
pub(crate) mod operation;
pub(crate) mod page;
pub(crate) mod pagination;
pub(crate) mod profile;
pub(crate) mod rate_limit;
pub(crate) mod rejection;
pub mod rule;
pub(crate) mod store;
pub(crate) mod text;
pub(crate) mod timestamp;
pub(crate) mod validation;
