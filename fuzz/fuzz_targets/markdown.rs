//! See `properties/markdown.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| serve_fuzz::properties::markdown::check(data));
