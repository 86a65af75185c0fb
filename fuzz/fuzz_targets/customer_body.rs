//! The body of a create-or-update request.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock_fuzz::customer_body(bytes));
