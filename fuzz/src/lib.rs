//! What must hold of `serve`, whatever the input. Each file of `fuzz_targets` hands
//! libFuzzer's bytes to one of these; `tests/corpus.rs` of the project does the same
//! with the seeds and regressions, on every `cargo test`.

pub mod properties;
