//! A text as a cursor, and a script that edits a cursor that holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock::internals::cursor(bytes));
