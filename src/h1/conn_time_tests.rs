//! Every deadline and limit of behaviour, section 8, reached in virtual time.

use super::*;

const MOMENT: Duration = Duration::from_millis(1);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Nothing happens until the very end of `limit`.
fn wait_out(world: &mut World, limit: Duration) {
    let seen = |world: &World| (world.conn.phase(), world.conn.send_queue().pushed());
    let before = seen(world);
    assert_eq!(world.conn.deadline(), world.now.instant + limit);
    world.wait(limit - MOMENT);
    assert_eq!(seen(world), before);
    world.wait(MOMENT);
    assert_ne!(seen(world), before);
}

/// R16.
#[test]
fn every_state_has_a_deadline_and_none_is_beyond_the_longest_limit() {
    for state in ["idle", "head", "answering", "sending", "sending the last", "listening", "lingering"] {
        let world = in_state(state);
        let left = world.conn.deadline() - world.now.instant;
        assert!(left > Duration::ZERO && left <= seconds(60), "{state}: {left:?}");
    }
}

/// R16.
#[test]
fn who_says_nothing_is_closed_after_60_seconds_without_a_word() {
    let mut world = World::new();
    wait_out(&mut world, seconds(60));
    assert_eq!((world.conn.phase(), world.take(usize::MAX)), (Phase::Closed, String::new()));
}

#[test]
fn idle_time_begins_with_the_last_byte_sent() {
    let mut world = World::new();
    world.wait(seconds(50));
    world.ask(&["/1"]);
    world.wait(seconds(20));
    world.take(usize::MAX);
    wait_out(&mut world, seconds(60));
    assert_eq!(world.conn.phase(), Phase::Closed);
}

/// R16.
#[test]
fn a_head_has_10_seconds_whatever_trickles_in() {
    let mut world = World::new();
    world.wait(seconds(59));
    for byte in b"GET / HTT" {
        world.say([*byte]);
        world.wait(seconds(1));
    }
    assert!(world.conn.send_queue().is_empty() && world.conn.wants_read());
    world.wait(seconds(1));
    let responses = world.responses();
    assert_eq!((responses.len(), responses[0].0), (1, 408));
    assert_eq!((world.conn.phase(), world.logged()[0].0), (Phase::Finishing, 408));
}

/// R16.
#[test]
fn an_empty_line_is_the_beginning_of_a_head() {
    let mut world = World::new();
    world.say("\r\n");
    assert_eq!(world.conn.deadline(), world.now.instant + seconds(10));
}

#[test]
fn half_a_head_behind_a_request_has_its_10_seconds_from_the_end_of_the_answer() {
    let mut world = World::new();
    world.say("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2");
    world.wait(seconds(20));
    assert_eq!(world.bodies(), ["/1"]);
    wait_out(&mut world, seconds(10));
    assert_eq!(world.responses()[0].0, 408);
}

/// R17.
#[test]
fn sending_is_aborted_after_30_seconds_without_progress() {
    let mut world = World::new();
    world.ask(&["/big"]);
    for _ in 0..5 {
        world.wait(seconds(29));
        world.take(1);
    }
    assert_eq!(world.conn.phase(), Phase::Open, "a slow reader goes on");
    assert_eq!(world.conn.deadline(), world.now.instant + seconds(30));
    world.wait(seconds(30));
    assert_eq!(world.conn.phase(), Phase::Aborted);
    world.close();
    assert_eq!(world.logged(), [(200, 5, false)]);
}

#[test]
fn an_answer_that_takes_30_seconds_is_503_and_the_late_result_is_dropped() {
    let mut world = World::new();
    world.ask(&["/later", "/1"]);
    let work = world.conn.take_work().unwrap();
    world.wait(seconds(30) - MOMENT);
    assert!(world.conn.send_queue().is_empty());
    world.wait(MOMENT);
    let before = world.conn.send_queue().pushed();
    world.conn.work_done(&mut world.service, Ok(work()), &world.now);
    assert_eq!(world.conn.send_queue().pushed(), before);
    let wire = world.take(usize::MAX);
    assert!(wire.starts_with("HTTP/1.1 503 ") && wire.contains("Connection: close\r\n"), "{wire}");
    assert_eq!((wire.matches("HTTP/1.1").count(), world.conn.phase()), (1, Phase::Finishing));
    assert_eq!(world.service.handler.asked, ["/later"]);
    world.conn.work_done(&mut world.service, Ok(Made::Response(text(Status::Ok, ""))), &world.now);
    assert_eq!(world.conn.phase(), Phase::Finishing);
}

#[test]
fn an_answer_that_is_never_fetched_is_aborted_though_earlier_ones_stall() {
    let mut world = World::new();
    world.ask(&["/1", "/later"]);
    world.wait(seconds(30));
    world.wait(seconds(30));
    assert_eq!(world.conn.phase(), Phase::Aborted);
}

/// R22.
#[test]
fn lingering_ends_after_2_seconds_of_silence() {
    let mut world = in_state("lingering");
    wait_out(&mut world, seconds(2));
    assert_eq!(world.conn.phase(), Phase::Closed);
}

/// R22.
#[test]
fn lingering_ends_after_10_seconds_in_all() {
    let mut world = in_state("lingering");
    for _ in 0..9 {
        world.wait(seconds(1));
        world.say("x");
        assert_eq!(world.conn.phase(), Phase::Finishing);
    }
    assert_eq!(world.conn.deadline(), world.now.instant + seconds(1));
    world.wait(seconds(1));
    assert_eq!(world.conn.phase(), Phase::Closed);
}

#[test]
fn lingering_ends_at_10_seconds_though_a_pause_could_be_longer() {
    let limits = Limits { linger_idle_timeout: seconds(20), ..Limits::default() };
    let mut world = World::with(limits);
    world.say("nonsense\r\n");
    world.take(usize::MAX);
    assert_eq!(world.conn.deadline(), world.now.instant + seconds(10));
}

/// R22.
#[test]
fn lingering_ends_after_256_kib() {
    let mut world = in_state("lingering");
    world.say(vec![0; 200 * 1024]);
    world.say(vec![0; 56 * 1024]);
    assert_eq!(world.conn.phase(), Phase::Finishing, "as much as allowed");
    world.say([0]);
    assert_eq!(world.conn.phase(), Phase::Closed);
}

#[test]
fn who_said_close_is_not_waited_for() {
    let said_close = || {
        let mut world = World::new();
        world.say("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(world.bodies(), ["/1"]);
        world
    };
    assert_eq!(said_close().conn.phase(), Phase::Parting);
    let mut world = said_close();
    world.eof();
    assert_eq!(world.conn.phase(), Phase::Closed);
    let mut world = said_close();
    world.say("and yet");
    assert_eq!(world.conn.phase(), Phase::Finishing, "who goes on is lingered for like anyone");
    let mut world = said_close();
    wait_out(&mut world, seconds(2));
    assert_eq!(world.conn.phase(), Phase::Closed);
}

#[test]
fn nothing_is_due_once_it_has_ended() {
    let mut world = World::new();
    wait_out(&mut world, seconds(60));
    for _ in 0..3 {
        world.wait(seconds(60));
        world.stop();
        assert_eq!((world.conn.phase(), world.conn.wants_read()), (Phase::Closed, false));
    }
}

/// R27: a wall clock that is set back, or forward, by a day moves no deadline; only what is
/// a date follows it.
#[test]
fn a_step_of_the_wall_clock_moves_no_deadline() {
    let day = seconds(24 * 60 * 60);
    for forward in [false, true] {
        for state in ["idle", "head", "answering", "sending", "sending the last", "listening", "lingering"] {
            let mut world = in_state(state);
            let (deadline, phase) = (world.conn.deadline(), world.conn.phase());
            let system = if forward { world.now.system + day } else { world.now.system - day };
            world.now = world.now.with_system(system);
            world.wait(deadline - world.now.instant - MOMENT);
            assert_eq!((world.conn.deadline(), world.conn.phase()), (deadline, phase), "{state}");
        }
        let mut world = World::new();
        let system = if forward { world.now.system + day } else { world.now.system - day };
        world.now = world.now.with_system(system);
        world.ask(&["/1"]);
        let date = format!("Date: {}\r\n", httpdate::fmt_http_date(system));
        assert!(world.take(usize::MAX).contains(&date), "{date}");
    }
}
