//! The body of a custom customer event.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock::internals::event_body(bytes));
