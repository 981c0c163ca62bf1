//! Requests on the heels of requests, and what the log hears of them.

use super::*;

/// R20.
#[test]
fn above_the_limit_of_waiting_bytes_pipelined_requests_wait() {
    let mut world = World::with(Limits { pipeline_bytes_max: 2500, ..Limits::default() });
    world.ask(&["/big"; 9]);
    world.ask(&["/end"]);
    assert_eq!(world.service.handler.asked.len(), 3, "the third response is beyond the limit");
    assert!(!world.conn.wants_read() && !world.unread.is_empty());
    let one_left = world.conn.send_queue().remaining() - 1;
    world.take(one_left as usize);
    assert_eq!(world.service.handler.asked.len(), 3, "not before all of it is sent");
    world.take(1);
    assert_eq!(world.service.handler.asked.len(), 6);
    assert_eq!(world.bodies().len(), 7);
    assert_eq!(world.service.handler.asked.len(), 10);
    assert_eq!(world.service.handler.asked[9], "/end");
}

/// R20.
#[test]
fn at_most_32_responses_wait() {
    let mut world = World::new();
    let paths: Vec<String> = (0..100).map(|n| format!("/{n}")).collect();
    world.ask(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(world.service.handler.asked.len(), 32);
    assert_eq!(world.bodies(), paths);
}

#[test]
fn a_client_that_never_reads_is_not_read() {
    let mut world = World::new();
    for _ in 0..1000 {
        world.ask(&["/big"]);
    }
    assert_eq!(world.service.handler.asked.len(), 1);
    assert!(world.conn.send_queue().remaining() < 2000 && world.conn.input.capacity() == 0);
}

#[test]
fn a_later_answer_keeps_its_place() {
    let mut world = World::new();
    world.ask(&["/1", "/later", "/2", "/later", "/3"]);
    assert!(!world.conn.wants_read(), "one request in work at a time");
    assert_eq!(world.bodies(), ["/1"]);
    assert_eq!(world.service.handler.asked, ["/1", "/later"]);
    world.work(|work| Ok(work()));
    assert_eq!(world.bodies(), ["late", "/2"]);
    world.work(|work| Ok(work()));
    assert_eq!(world.bodies(), ["late", "/3"]);
    assert!(world.conn.is_idle() && world.conn.take_work().is_none());
}

#[test]
fn what_follows_the_last_request_is_held_no_longer_than_its_answer_takes() {
    let mut world = World::new();
    world.say("GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n");
    world.work(|work| Ok(work()));
    assert_eq!(world.conn.input.capacity(), 0);
    assert_eq!(world.bodies(), ["late"]);
}

#[test]
fn what_has_to_be_prepared_is_asked_again_and_keeps_its_place() {
    let mut world = World::new();
    world.ask(&["/1", "/prepared", "/prepared", "/2"]);
    assert_eq!(world.bodies(), ["/1"]);
    world.work(|work| Ok(work()));
    assert_eq!(world.bodies(), ["/prepared", "/prepared", "/2"]);
    assert_eq!(world.service.handler.asked, ["/1", "/prepared", "/prepared", "/prepared", "/2"]);
    assert_eq!(world.logged().len(), 4);
}

/// No thread of the pool is asked for what only has to wait a turn.
#[test]
fn what_is_for_the_next_turn_is_asked_again_without_any_work() {
    let mut world = World::new();
    world.ask(&["/1", "/next", "/2"]);
    assert!(world.conn.take_work().is_none());
    let result = world.conn.take_result().unwrap();
    assert!(world.conn.take_result().is_none(), "once");
    let now = world.now;
    world.conn.work_done(&mut world.service, Ok(result), &now);
    assert_eq!(world.bodies(), ["/1", "/next", "/2"]);
    assert_eq!(world.service.handler.asked, ["/1", "/next", "/next", "/2"]);
}

/// A flood of what has to be prepared is no reason to refuse what can be answered without.
#[test]
fn what_the_pool_is_too_full_to_prepare_is_asked_once_more() {
    let mut world = World::new();
    world.ask(&["/better-prepared", "/1"]);
    world.work(|_| Err(Refused::Full));
    assert_eq!(world.bodies(), ["/better-prepared", "/1"]);
    assert_eq!(world.service.handler.asked, ["/better-prepared", "/better-prepared", "/1"]);
    world.ask(&["/never"]);
    world.work(|_| Err(Refused::Full));
    assert_eq!(world.responses(), [(503, "Service Unavailable".to_owned())]);
}

#[test]
fn what_is_never_prepared_is_503_within_the_time_of_one_answer() {
    let mut world = World::new();
    world.ask(&["/never"]);
    let deadline = world.conn.deadline();
    for _ in 0..PREPARATIONS_MAX {
        world.wait(Duration::from_secs(1));
        assert_eq!(world.conn.deadline(), deadline);
        world.work(|work| Ok(work()));
    }
    assert_eq!(world.responses(), [(503, "Service Unavailable".to_owned())]);
    assert!(world.conn.is_idle());
}

#[test]
fn an_answer_that_comes_before_the_earlier_ones_are_sent_waits_behind_them() {
    let mut world = World::new();
    world.ask(&["/1", "/later", "/2"]);
    world.take(5);
    world.work(|work| Ok(work()));
    let rest = world.take(usize::MAX);
    let order = ["/1", "late", "/2"].map(|body| rest.find(&format!("\r\n\r\n{body}")).unwrap());
    assert!(order.is_sorted(), "{rest}");
}

#[test]
fn shutting_down_says_close_in_the_next_of_the_pipelined_answers() {
    let mut world = World::with(Limits { pipeline_bytes_max: 0, ..Limits::default() });
    world.ask(&["/1", "/2", "/3"]);
    world.stop();
    let wire = world.take(usize::MAX);
    assert_eq!(wire.matches("Connection: close\r\n").count(), 1);
    assert!(wire.ends_with("\r\n\r\n/2"), "{wire}");
    assert_eq!(world.conn.phase(), Phase::Finishing, "with input unread it must linger");
}

#[test]
fn the_end_of_input_behind_many_requests_leaves_all_their_answers() {
    let mut world = World::new();
    world.ask(&["/1"; 70]);
    world.say("GET /cut");
    // They came in one piece, so the end can be read only after them.
    let bodies = world.bodies();
    world.eof();
    assert_eq!((bodies.len(), world.conn.phase()), (70, Phase::Closed));
}

#[test]
fn every_response_is_logged_once_when_it_ends() {
    let mut world = World::new();
    world.ask(&["/1", "/22"]);
    world.say("GET /later HTTP/1.1\r\nHost: a\r\nReferer: r\r\nUser-Agent: u\r\n\r\nnonsense\r\n");
    let first = world.take(usize::MAX);
    assert_eq!(world.logged().len(), 2);
    assert_eq!(world.logged().iter().map(|(_, sent, _)| sent).sum::<u64>(), first.len() as u64);
    world.work(|work| Ok(work()));
    world.take(usize::MAX);
    world.close();
    let logged = &world.service.handler.logged;
    let lines = logged.iter().map(|e| String::from_utf8(e.request_line.clone()).unwrap());
    assert_eq!(
        lines.collect::<Vec<_>>(),
        ["GET /1 HTTP/1.1", "GET /22 HTTP/1.1", "GET /later HTTP/1.1", "nonsense"]
    );
    assert_eq!(logged.iter().map(Exchange::body_sent).collect::<Vec<_>>(), [2, 3, 4, 11]);
    assert!(logged.iter().all(|e| e.complete));
    assert_eq!(logged[2].referer.as_deref(), Some(&b"r"[..]));
    assert_eq!(logged[2].user_agent.as_deref(), Some(&b"u"[..]));
    assert_eq!(logged[3].status, Status::BadRequest);
}

#[test]
fn what_was_cut_off_is_logged_with_the_bytes_that_were_sent() {
    let mut world = World::new();
    world.ask(&["/1", "/big", "/2"]);
    let first = world.conn.in_flight[0].end as usize;
    world.take(first + 500);
    world.close();
    assert_eq!(world.logged(), [(200, first as u64, true), (200, 500, false), (200, 0, false)]);
}

#[test]
fn who_does_not_log_costs_nothing() {
    let mut world = World::new();
    world.service.handler.is_mute = true;
    world.ask(&["/1", "/later"]);
    world.work(|work| Ok(work()));
    assert_eq!(world.conn.in_flight.capacity(), 0);
    world.take(usize::MAX);
    world.close();
    assert!(world.logged().is_empty());
}
