//! See `properties/parse_request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| serve_fuzz::properties::parse_request::check(data));
