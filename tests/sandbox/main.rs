//! The sandbox, put up in earnest: a program of its own, for walls stay where they are. On
//! systems that have none there is nothing to test.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod walls;
