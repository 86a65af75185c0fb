//! The body of a create-or-update call.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock::internals::customer_body(bytes));
