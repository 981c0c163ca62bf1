//! See `properties/conn_script.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| serve_fuzz::properties::conn_script::check(data));
