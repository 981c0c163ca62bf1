//! Late answers and failures on purpose, in virtual time.

use super::*;
use crate::h1::weather::Share;

const LATENCY: Duration = Duration::from_millis(300);

/// So many milliseconds late, and so many of a hundred fail.
fn world(millis: u64, percent: f64, seed: u64) -> World {
    let latency = Duration::from_millis(millis);
    let weather = Weather { latency, failures: Share::of_percent(percent).unwrap() };
    let mut world = World::new();
    world.service = Service::new(Script::default(), Limits::default()).in_weather(weather, seed);
    world
}

/// A world in which the first request meets this.
fn where_all_fail(fate: Fate) -> World {
    let meets = |seed: &u64| {
        let failures = Share::of_percent(100.0).unwrap();
        Forecast::new(Weather { failures, ..Weather::default() }, *seed).next() == fate
    };
    world(0, 100.0, (0..1000).find(meets).unwrap())
}

#[test]
fn an_answer_begins_so_long_after_its_request() {
    let mut world = world(300, 0.0, 1);
    world.ask(&["/1"]);
    assert_eq!(world.conn.deadline(), world.now.instant + LATENCY);
    assert!(world.conn.is_punctual() && world.service.handler.asked.is_empty());
    world.wait(LATENCY - Duration::from_nanos(1));
    assert!(world.conn.send_queue().is_empty());
    world.wait(Duration::from_nanos(1));
    assert_eq!((world.bodies(), world.conn.is_punctual()), (vec!["/1".to_owned()], false));
    // The log knows how long the client has waited.
    let exchange = &world.service.handler.logged[0];
    assert_eq!(exchange.duration(&world.now), LATENCY);
}

#[test]
fn of_pipelined_requests_each_is_so_late() {
    let mut world = world(300, 0.0, 1);
    world.ask(&["/1", "/2", "/3"]);
    for expected in ["/1", "/2", "/3"] {
        assert!(world.conn.send_queue().is_empty());
        world.wait(LATENCY);
        assert_eq!(world.bodies(), [expected]);
    }
    assert_eq!(world.conn.deadline(), world.now.instant + Limits::default().idle_timeout);
}

#[test]
fn slow_work_begins_when_the_answer_may() {
    for path in ["/later", "/prepared"] {
        let mut world = world(300, 0.0, 1);
        world.ask(&[path]);
        assert!(world.conn.take_work().is_none());
        world.wait(LATENCY);
        assert_eq!(world.conn.deadline(), world.now.instant + Limits::default().answer_timeout);
        world.work(|work| Ok(work()));
        assert_eq!(world.responses().len(), 1, "{path}");
    }
}

/// R26.
#[test]
fn a_request_that_waits_when_the_server_stops_is_answered_and_is_the_last() {
    let mut world = world(300, 0.0, 1);
    world.ask(&["/1", "/2"]);
    world.stop();
    world.wait(LATENCY);
    let wire = world.take(usize::MAX);
    assert!(wire.contains("Connection: close\r\n") && wire.ends_with("/1"), "{wire}");
    assert_eq!(world.conn.phase(), Phase::Finishing);
}

#[test]
fn what_is_no_request_is_refused_at_once_and_never_fails_otherwise() {
    let mut world = world(300, 100.0, 1);
    world.say("nonsense\r\n");
    assert_eq!(world.responses()[0].0, 400);
}

#[test]
fn of_those_who_fail_one_half_gets_503_and_goes_on() {
    let mut world = where_all_fail(Fate::Unavailable);
    world.ask(&["/1"]);
    assert_eq!(world.responses()[0].0, 503);
    assert_eq!((world.conn.phase(), world.logged()[0].0, world.logged()[0].2), (Phase::Open, 503, true));
    assert!(world.service.handler.asked.is_empty(), "nobody looks for what is not sent");
}

#[test]
fn the_other_half_gets_half_an_answer_and_a_reset() {
    for (path, method) in [("/big", "GET"), ("/nothing", "GET"), ("/big", "HEAD"), ("/", "GET")] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut fair = World::new();
        fair.say(&request);
        let whole = fair.take(usize::MAX);
        let mut world = where_all_fail(Fate::Cut);
        world.say(request.repeat(2));
        let half = world.take(usize::MAX);
        assert!(whole.starts_with(&half) && half.len() == whole.len() / 2, "{half}");
        assert_eq!((world.conn.phase(), world.conn.send_queue().ends()), (Phase::Aborted, false));
        world.close();
        let status = fair.logged()[0].0;
        assert_eq!(world.logged(), [(status, half.len() as u64, false)], "{method} {path}");
    }
}

#[test]
fn what_was_answered_before_a_cut_is_whole() {
    // The first is answered, the second is cut.
    let course = |seed: &u64| {
        let weather = Weather { failures: Share::of_percent(50.0).unwrap(), ..Weather::default() };
        let mut forecast = Forecast::new(weather, *seed);
        (forecast.next(), forecast.next()) == (Fate::Answered, Fate::Cut)
    };
    let mut world = world(0, 50.0, (0..1000).find(course).unwrap());
    world.ask(&["/first", "/second", "/third"]);
    let wire = world.take(usize::MAX);
    assert!(wire.contains("/first") && !wire.contains("/second"), "{wire}");
    assert_eq!((world.conn.phase(), world.service.handler.asked.len()), (Phase::Aborted, 2));
    world.close();
    let complete: Vec<bool> = world.logged().iter().map(|(_, _, complete)| *complete).collect();
    assert_eq!(complete, [true, false]);
}

/// R17.
#[test]
fn who_does_not_take_half_an_answer_is_aborted_like_anyone() {
    let mut world = where_all_fail(Fate::Cut);
    world.ask(&["/big"]);
    world.wait(Limits::default().send_timeout);
    assert_eq!(world.conn.phase(), Phase::Aborted);
}
