//! A local, in-memory, stateful emulator of Yotpo's Core API v3 Customers endpoints.

mod domain;
mod http;
mod mock;
mod world;

pub use domain::customer;
pub use domain::event;
pub use domain::evidence;
pub use domain::note;
pub use domain::operation;
pub use domain::rule;
pub use domain::validation::Validation;
pub use mock::{Builder, DEFAULT_BODY_LIMIT, DEFAULT_PORT, DEFAULT_READ_TIMEOUT, Host, StartError, YotpoMock};
pub use world::{EmptyResult, journal};
