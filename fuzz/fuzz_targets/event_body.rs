//! The body of a custom event.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock_fuzz::event_body(bytes));
