//! The answer that goes on: events in their order, and every way in which it ends.

use std::sync::Mutex;

use bytes::Bytes;

use super::*;
use crate::http::events::{Events, Listener, Source};

/// Keeps who listens, with what it has seen, until a test tells it something.
#[derive(Default)]
struct Told(Mutex<Vec<u64>>);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told")
    }
}

impl Source for Told {
    fn listen(&self, seen: u64, _: Box<dyn Listener>) {
        self.0.lock().unwrap().push(seen);
    }
}

pub(super) fn events() -> Response {
    let events = Events { source: Arc::new(Told::default()), seen: 7, opening: "opening\n".into() };
    Response { body: Body::Events(events), ..Response::new(Status::Ok) }
}

impl World {
    /// Something happens.
    fn tell(&mut self, seen: u64, text: &'static str) {
        let event = Event::new(seen, Bytes::from_static(text.as_bytes()));
        self.conn.work_done(&mut self.service, Ok(Made::Event(event)), &self.now);
    }

    fn listens(&mut self) -> bool {
        self.conn.take_inquiry().is_some()
    }

    fn all(&mut self) -> String {
        self.take(usize::MAX)
    }
}

fn listening() -> World {
    let mut world = World::new();
    world.ask(&["/events"]);
    world.all();
    world
}

#[test]
fn it_has_no_length_and_ends_with_its_connection() {
    let mut world = World::new();
    world.ask(&["/events", "/never-looked-at"]);
    let sent = world.all();
    assert!(sent.contains("Connection: close\r\n") && !sent.contains("Content-Length"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nopening\n"), "{sent}");
    assert_eq!((world.conn.phase(), world.conn.wants_read()), (Phase::Open, true));
    assert!(!world.conn.send_queue().ends(), "more will come");
    assert_eq!(world.service.handler.asked, ["/events"], "it was the last request");
}

#[test]
fn each_event_is_asked_for_once_the_one_before_is_sent() {
    let mut world = World::new();
    world.ask(&["/events"]);
    assert!(!world.listens(), "its head is not sent yet");
    world.all();
    assert!(world.listens() && !world.listens(), "once");
    world.tell(8, "one\n");
    assert!(!world.listens(), "the first is not sent yet");
    assert_eq!(world.all(), "one\n");
    assert!(world.listens());
    world.tell(9, "two\n");
    assert_eq!(world.all(), "two\n");
}

#[test]
fn a_source_is_asked_for_what_is_behind_the_last_event() {
    let mut world = World::new();
    world.ask(&["/events"]);
    world.all();
    let seen = |world: &World| world.conn.stream.as_ref().map(|stream| stream.seen());
    assert_eq!(seen(&world), Some(7));
    world.tell(12, "event\n");
    assert_eq!(seen(&world), Some(12));
}

#[test]
fn where_nothing_happens_a_line_that_means_nothing_is_sent_every_20_seconds() {
    let mut world = listening();
    for _ in 0..3 {
        world.wait(Duration::from_secs(19));
        assert_eq!(world.all(), "");
        world.wait(Duration::from_secs(1));
        assert_eq!((world.all().as_str(), world.conn.phase()), (":\n", Phase::Open));
    }
    assert!(world.listens(), "what it has asked for is still to come");
}

#[test]
fn an_event_that_comes_while_another_is_sent_waits_its_turn() {
    let mut world = listening();
    assert!(world.listens());
    world.wait(Duration::from_secs(20));
    world.tell(8, "event\n");
    assert_eq!(world.all(), ":\nevent\n");
    assert!(world.listens());
}

#[test]
fn who_takes_nothing_is_reset() {
    let mut world = listening();
    world.tell(8, "event\n");
    world.wait(Duration::from_secs(30));
    assert_eq!(world.conn.phase(), Phase::Aborted);
    world.tell(9, "late\n");
    assert_eq!(world.conn.phase(), Phase::Aborted);
}

#[test]
fn who_leaves_is_let_go_at_once() {
    let mut world = listening();
    world.eof();
    assert_eq!(world.conn.phase(), Phase::Closed);
    // While something waits to be sent to it, the end comes behind that.
    let mut world = listening();
    world.tell(8, "event\n");
    world.eof();
    assert_eq!((world.all().as_str(), world.conn.phase()), ("event\n", Phase::Closed));
}

#[test]
fn a_server_that_stops_ends_it_in_order() {
    let mut world = listening();
    world.stop();
    assert_eq!((world.conn.phase(), world.conn.send_queue().ends()), (Phase::Finishing, true));
    world.tell(8, "late\n");
    assert_eq!(world.all(), "");
    let mut world = listening();
    world.tell(8, "event\n");
    world.stop();
    assert_eq!((world.all().as_str(), world.conn.phase()), ("event\n", Phase::Finishing));
    // Who asks only now gets the head, and the end.
    let mut world = World::new();
    world.stop();
    world.ask(&["/events"]);
    assert!(world.all().ends_with("opening\n"));
    assert_ne!(world.conn.phase(), Phase::Open);
}

#[test]
fn what_still_comes_is_passed_over_up_to_a_limit() {
    let mut world = listening();
    let most = Limits::default().linger_bytes_max as usize;
    for _ in 0..most / 1024 {
        world.say([b'x'; 1024]);
    }
    assert_eq!((world.conn.phase(), world.service.handler.asked.len()), (Phase::Open, 1));
    world.say("x");
    assert_eq!(world.conn.phase(), Phase::Aborted);
}

#[test]
fn a_head_alone_has_no_events_and_neither_has_what_is_to_fail() {
    let mut world = World::new();
    world.say("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(world.all().ends_with("Connection: close\r\n\r\n"));
    assert!(!world.listens() && world.conn.phase() != Phase::Open);
}

#[test]
fn it_makes_room_where_there_are_too_many_for_it_can_come_back() {
    let mut world = World::new();
    world.ask(&["/events"]);
    assert!(!world.conn.is_idle());
    world.all();
    assert!(world.conn.is_idle());
}

#[test]
fn the_log_hears_of_it_when_it_begins() {
    let world = listening();
    let [(200, sent, true)] = world.logged()[..] else { panic!("{:?}", world.logged()) };
    assert!(sent > 0);
}
