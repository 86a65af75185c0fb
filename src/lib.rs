//! A local, in-memory, stateful emulator of Yotpo's Core API v3 Customers endpoints.
#![allow(dead_code, reason = "the floors above are not built yet")]

mod domain;
