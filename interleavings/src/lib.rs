//! Floors 0 to 2 of `serve`, as they are, on the threads and locks of a model checker.

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/net/mod.rs"]
pub mod net;
#[path = "../../src/pool.rs"]
pub mod pool;
#[path = "../../src/segment.rs"]
pub mod segment;
#[path = "../../src/sys/mod.rs"]
pub mod sys;

/// What `src/sync.rs` takes from the standard library.
mod sync {
    pub use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    pub use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub use loom::thread;
    pub use std::sync::PoisonError;
}
