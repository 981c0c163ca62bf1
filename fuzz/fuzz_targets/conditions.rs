//! See `properties/conditions.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| serve_fuzz::properties::conditions::check(data));
