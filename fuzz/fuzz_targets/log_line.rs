//! See `properties/log_line.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| serve_fuzz::properties::log_line::check(data));
