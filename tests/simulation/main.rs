//! The whole server core in a world of its own: the event loop that serves, connections,
//! the site, over files, sockets, a pool and a clock that chance moves (hazards 4.2).
//!
//! Everything follows from a number, the seed. A run that fails says which:
//!
//! ```sh
//! SIMULATION_SEED=17 cargo test --test simulation
//! SIMULATION_SEEDS=4096 SIMULATION_STEPS=20000 cargo test --test simulation -- --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod client;
mod dice;
mod files;
mod listener;
mod network;
mod requests;
mod socket;
#[path = "../../fuzz/src/properties/wire.rs"]
mod wire;
mod world;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::{Seen, World};

/// As many as take some seconds.
const SEEDS: u64 = 256;
const STEPS: u64 = 3000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: {value}")))
}

/// A run of one seed; what went wrong is told with the way there.
fn run(seed: u64, steps: u64) -> Result<Seen, String> {
    let (mut world, mut done) = (World::new(seed), 0);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        while done < steps {
            world.step();
            done += 1;
        }
    }));
    let told = world.told().cloned().collect::<Vec<_>>().join("\n  ");
    let failure = |at: &str, panic: Box<dyn Any + Send>| {
        let message = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let message = message.or(panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        format!(
            "{told}\nseed {seed} fails {at}: {message}\n\
             again: SIMULATION_SEED={seed} SIMULATION_STEPS={steps} cargo test --test simulation"
        )
    };
    if let Err(panic) = ran {
        // What is broken may panic again when it is dropped.
        std::mem::forget(world);
        return Err(failure(&format!("at step {done}"), panic));
    }
    catch_unwind(AssertUnwindSafe(|| world.finish())).map_err(|panic| failure("at its end", panic))
}

#[test]
fn whatever_happens_the_core_keeps_its_word() {
    let only = number("SIMULATION_SEED");
    let first = only.or(number("SIMULATION_FIRST_SEED")).unwrap_or(0);
    let seeds = only.map_or_else(|| number("SIMULATION_SEEDS").unwrap_or(SEEDS), |_| 1);
    let steps = number("SIMULATION_STEPS").unwrap_or(STEPS);
    let (next, seen, failures) = (AtomicU64::new(0), Mutex::new(Seen::default()), Mutex::new(Vec::new()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failures.lock().unwrap().len() >= 3 {
                        return;
                    }
                    match run(first + seed, steps) {
                        Ok(each) => seen.lock().unwrap().add(each),
                        Err(failure) => failures.lock().unwrap().push(failure),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    println!("{seeds} seeds, {steps} steps each: {:?}", seen.into_inner().unwrap());
}
