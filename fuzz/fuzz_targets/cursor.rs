//! A cursor, and a script that edits a valid one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock_fuzz::cursor(bytes));
