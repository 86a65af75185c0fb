//! A query as it stands in a path, after its `?`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yotpo_mock::internals::query(bytes));
