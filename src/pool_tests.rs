//! Tests of the pool: who is done when, and what is refused.

use super::*;
use std::sync::mpsc;

/// A thread of it has a job, which ends when what is returned is dropped.
fn keep_busy(pool: &Pool) -> mpsc::Sender<()> {
    keep_busy_by(|job| pool.submit(job))
}

fn keep_busy_by(submit: impl Fn(Job) -> Result<(), Full>) -> mpsc::Sender<()> {
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let job = move || {
        started.send(()).unwrap();
        let _ = released.recv();
    };
    submit(Box::new(job)).unwrap();
    has_started.recv().unwrap();
    release
}

/// R29.
#[test]
fn however_many_long_jobs_there_are_the_others_have_a_thread_and_room_to_wait() {
    let pool = Pool::new(3, 4);
    let busy: Vec<_> = [1, 2].map(|kind| keep_busy_by(|job| pool.submit_long(kind, job))).into();
    let (done, is_done) = mpsc::channel();
    let tell = |what: &'static str| -> Job {
        let done = done.clone();
        Box::new(move || done.send(what).unwrap())
    };
    // These wait in line, and a third does not.
    assert_eq!(pool.submit_long(1, tell("long")), Ok(()));
    assert_eq!(pool.submit_long(1, tell("too many of a kind")), Err(Full));
    assert_eq!(pool.submit_long(2, tell("long")), Ok(()));
    assert_eq!(pool.submit_long(3, tell("too many")), Err(Full));
    // Behind them, and done before them.
    assert_eq!(pool.submit(tell("short")), Ok(()));
    assert_eq!(is_done.recv(), Ok("short"));
    assert_eq!(pool.waiting(), 2);
    drop(busy);
    assert_eq!((is_done.recv(), is_done.recv()), (Ok("long"), Ok("long")));
}

#[test]
fn a_pool_of_one_thread_does_all_in_order() {
    let pool = Pool::new(1, 8);
    let release = keep_busy(&pool);
    let (done, is_done) = mpsc::channel();
    for number in 0..4 {
        let done = done.clone();
        let job: Job = Box::new(move || done.send(number).unwrap());
        if number % 2 == 0 { pool.submit_long(number, job) } else { pool.submit(job) }.unwrap();
    }
    drop((release, done));
    assert_eq!(is_done.iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

/// R29.
#[test]
fn many_long_jobs_of_one_kind_do_not_keep_one_of_another() {
    let pool = Pool::new(4, 64);
    let busy: Vec<_> = (0..2).map(|_| keep_busy_by(|job| pool.submit_long(1, job))).collect();
    let (done, is_done) = mpsc::channel();
    let submit = |kind| {
        let done = done.clone();
        pool.submit_long(kind, Box::new(move || done.send(kind).unwrap())).unwrap();
    };
    [1, 1, 1, 2, 1, 3].into_iter().for_each(submit);
    assert_eq!((is_done.recv(), is_done.recv()), (Ok(2), Ok(3)));
    assert_eq!(pool.waiting(), 4);
    drop((busy, done));
    assert_eq!(is_done.iter().collect::<Vec<_>>(), [1; 4]);
}

/// R29.
#[test]
fn a_full_queue_refuses() {
    let pool = Pool::new(1, 1);
    let release = keep_busy(&pool);
    assert_eq!(pool.submit(Box::new(|| {})), Ok(()));
    assert_eq!(pool.submit(Box::new(|| {})), Err(Full));
    drop(release);
}

/// R29.
#[test]
fn a_step_is_taken_where_jobs_are_refused_and_there_is_an_end_to_that_too() {
    let pool = Pool::by_hand(1);
    assert_eq!(pool.submit(Box::new(|| {})), Ok(()));
    assert_eq!(pool.submit(Box::new(|| {})), Err(Full));
    for _ in 0..STEPS_FOR_A_JOB {
        assert_eq!(pool.submit_step(Box::new(|| {})), Ok(()));
    }
    assert_eq!(pool.submit_step(Box::new(|| {})), Err(Full));
    assert_eq!(pool.waiting(), 1 + STEPS_FOR_A_JOB);
    while pool.work(0) {}
    pool.close();
    assert_eq!(pool.submit_step(Box::new(|| {})), Err(Full));
}

/// R29.
#[test]
fn jobs_and_steps_take_turns_however_many_there_are_of_one_kind() {
    let pool = Pool::new(1, 8);
    let release = keep_busy(&pool);
    let (done, is_done) = mpsc::channel();
    let tell = |what: char| {
        let done = done.clone();
        Box::new(move || done.send(what).unwrap())
    };
    (0..4).for_each(|_| pool.submit_step(tell('s')).unwrap());
    (0..2).for_each(|_| pool.submit(tell('j')).unwrap());
    drop((release, done));
    let order: String = is_done.iter().collect();
    assert!(["sjsjss", "jsjsss"].contains(&&*order), "{order}");
}

/// R29b.
#[test]
fn a_panic_leaves_the_pool_working() {
    let pool = Pool::new(1, 8);
    pool.submit(Box::new(|| panic!("on purpose"))).unwrap();
    let (done, is_done) = mpsc::channel();
    pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
    is_done.recv().unwrap();
}

#[test]
fn what_somebody_waits_for_is_done_even_when_the_pool_is_gone() {
    let pool = Pool::new(1, 8);
    let (release, released) = mpsc::channel::<()>();
    let (done, is_done) = mpsc::channel();
    pool.submit(Box::new(move || {
        let _ = released.recv();
    }))
    .unwrap();
    pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
    drop(pool);
    drop(release);
    is_done.recv().unwrap();
}

/// As those do that compress: else a server that has ended would go on for minutes.
#[test]
fn a_closed_pool_of_the_background_drops_what_waits_though_that_holds_the_pool() {
    let pool = Pool::background(1, 8);
    let release = keep_busy(&pool);
    let (done, is_done) = mpsc::channel::<()>();
    let theirs = pool.clone();
    pool.submit(Box::new(move || {
        let _theirs = theirs;
        let _ = done.send(());
    }))
    .unwrap();
    pool.close();
    assert_eq!(pool.submit(Box::new(|| {})), Err(Full));
    assert!(is_done.recv().is_err());
    drop(release);
}

/// R29.
#[test]
fn never_more_threads_than_asked_for() {
    let pool = Pool::new(2, 64);
    let (done, is_done) = mpsc::channel();
    for _ in 0..32 {
        let done = done.clone();
        pool.submit(Box::new(move || done.send(thread::current().id()).unwrap())).unwrap();
    }
    drop(done);
    let mut ids: Vec<_> = is_done.iter().collect();
    assert_eq!(ids.len(), 32);
    ids.sort_by_key(|id| format!("{id:?}"));
    ids.dedup();
    assert!((1..=2).contains(&ids.len()));
}
