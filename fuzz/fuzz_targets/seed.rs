//! A seed document.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock_fuzz::seed(bytes));
