//! The query string of a page.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock_fuzz::query(bytes));
