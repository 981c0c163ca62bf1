//! Floor 0: the locks and threads of whatever several threads share to hand work over. They
//! are the standard library's. `interleavings` puts those of a model checker in their place,
//! and tries all orders in which the threads can meet.

pub use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
pub use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
pub use std::thread;
