//! A local, in-memory, stateful emulator of Yotpo's Core API v3 Customers endpoints.
//!
//! Start with [`YotpoMock`]: an emulator as a value in a test. What is emulated, what is not and what is only assumed stands
//! in the README; what may be refused, with its evidence, in the [rule book](rule); what is tolerated, in the
//! [notes](note::Note).
//!
//! # The house
//!
//! Three floors and a door, each of which may use those below it and never those above:
//!
//! - `main` is the command line: flags to settings, start, print the address, wait for a signal.
//! - `mock` is one running emulator as a value: a world, its sockets and the server between them.
//! - `http` is the upper floor: the vendor's surface and our own, as HTTP speaks of them. The only actix in the library.
//! - `world` is the middle floor: everything that one emulator remembers, and the powers of a test over it.
//! - `domain` is the ground floor: what the vendor's system knows and decides, as plain data and pure functions.
//!
//! Beside `mock` stands `internals`, built only where it is asked for: doors into the rooms for fuzzers and benchmarks.
//!
//! To follow a request, read `http` from its top: `record` opens its journal entry, the path matches, `admit` asks who is
//! calling and how often, the handler reads the body leniently, the domain decides, and the entry closes.
//!
//! # What never happens
//!
//! - The domain never asks the time, knows no HTTP status, takes no lock.
//! - Nothing reaches a store's maps but `StoreState`: a profile and its index entries change in one function.
//! - No lock is held while waiting, and a store has but one: a write with its merge is one step, a page is one look.
//! - Nothing is answered that is not in the journal, once the head of the request could be parsed; our own surface excepted.
//! - A reset forgets by replacing the memory, never by clearing a list of things.
//! - Nothing grows without bound but what clients store.
//! - No vendor resource is silently missing: it says 501 in words, and an unknown path is 404.

mod domain;
mod http;
#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
mod mock;
mod world;

pub use domain::customer;
pub use domain::event;
pub use domain::evidence;
pub use domain::note;
pub use domain::operation;
pub use domain::rule;
pub use domain::validation::Validation;
pub use mock::{Builder, DEFAULT_PORT, DEFAULT_READ_TIMEOUT, Host, StartError, YotpoMock};
pub use world::journal;
pub use world::settings::{DEFAULT_BODY_LIMIT, EmptyResult};

/// The README's Rust blocks, run as examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
