//! The tests that speak HTTP to the real thing, named as the nouns of the crate.

mod access_token;
#[cfg(feature = "cli")]
mod cli;
mod conformance;
mod contract;
mod control;
mod coverage;
mod customer;
mod embedded;
mod event;
mod fault;
mod files;
mod identity;
mod malformed_request;
mod mock;
mod openapi;
mod overload;
mod pagination;
#[cfg(feature = "cli")]
mod process;
mod properties;
mod proxy;
mod rate_limit;
mod readme;
mod reference;
mod rejection;
mod seed;
mod support;
mod tidy;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod unmodified;
mod validation;
mod visibility;
