//! The loop: keeps every connection busy until the time is over, and counts.

use std::collections::VecDeque;
use std::io::{self, Error};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::connection::{Connection, Outcome, Request};
use super::cpu::Reading;
use super::histogram::Histogram;
use super::options::Options;
use super::report::Report;
use super::schedule::Schedule;
use super::targets::Targets;

/// A server that makes so many mistakes is not worth measuring.
const ERRORS_MAX: u64 = 100;

/// What is dropped unseen is dropped in pieces of this size.
const BUFFER: usize = 1024 * 1024;

/// What was counted since measuring began.
#[derive(Default)]
pub struct Tally {
    pub answers: u64,
    pub bytes: u64,
    pub latencies: Histogram,
    pub errors: u64,
    pub first_error: Option<String>,
    pub reconnects: u64,
}

/// Asks the server at `url`, as the options say.
pub fn run(url: &str, options: &Options) -> io::Result<Report> {
    let mut run = Run::new(Targets::new(url, options)?, options)?;
    let warm_up = Duration::from_secs_f64(options.warm_up);
    if !warm_up.is_zero() {
        run.go(Some(Instant::now() + warm_up), u64::MAX)?;
    }
    // Nobody must feel what went wrong earlier, or be told of it twice.
    let earlier = std::mem::take(&mut run.tally);
    run.tally.errors = earlier.errors;
    run.tally.first_error = earlier.first_error;
    if let Some(requests) = options.requests {
        let on_their_way: usize = run.connections.iter().map(|connection| connection.requests.len()).sum();
        run.schedule.end_after(requests.saturating_sub(on_their_way as u64));
    }
    let own_cpu = Reading::of(std::process::id());
    let server_cpu = options.pid.and_then(Reading::of);
    let start = Instant::now();
    let until = options.requests.is_none().then(|| start + Duration::from_secs_f64(options.seconds));
    run.go(until, options.requests.unwrap_or(u64::MAX))?;
    let time = start.elapsed();
    let since = |process, earlier| Some(Reading::of(process)?.since(earlier?));
    let server_cpu = options.pid.and_then(|process| since(process, server_cpu));
    Ok(Report::new(run.tally, time, since(std::process::id(), own_cpu), server_cpu))
}

struct Run<'a> {
    options: &'a Options,
    targets: Targets,
    schedule: Schedule,
    poll: Poll,
    connections: Vec<Connection>,
    /// Those with nothing to do, who waits longest first. Some may have got something since.
    idle: VecDeque<usize>,
    buffer: Vec<u8>,
    tally: Tally,
    /// When something came, or was asked for, the last time. That a poller wakes says nothing:
    /// poll(2) tells again and again that there is room to send.
    active: Instant,
}

impl<'a> Run<'a> {
    /// Connects, one connection after the other, so that no queue of the server overflows.
    fn new(targets: Targets, options: &'a Options) -> io::Result<Run<'a>> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(options.connections);
        for index in 0..options.connections {
            let stream = std::net::TcpStream::connect(targets.address)?;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            connections.push(Connection::new(stream));
        }
        Ok(Run {
            options,
            targets,
            schedule: Schedule::new(Instant::now(), options.rate),
            poll,
            idle: (0..connections.len()).collect(),
            connections,
            buffer: vec![0; BUFFER],
            tally: Tally::default(),
            active: Instant::now(),
        })
    }

    /// Goes on until then, or until so many answers have come.
    fn go(&mut self, until: Option<Instant>, answers: u64) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let patience = Duration::from_secs_f64(self.options.patience);
        while self.tally.answers < answers && self.tally.errors < ERRORS_MAX {
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                break;
            }
            let is_owed = || self.connections.iter().any(|connection| !connection.requests.is_empty());
            if now.saturating_duration_since(self.active) >= patience && is_owed() {
                let message = format!("nothing from the server for {} seconds", patience.as_secs_f64());
                return Err(Error::new(io::ErrorKind::TimedOut, message));
            }
            self.give_out(now);
            let timeout = self.timeout(now, until).map_or(patience, |timeout| timeout.min(patience));
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                self.turn(event)?;
            }
        }
        Ok(())
    }

    /// Until the next request is due, in whole milliseconds, as the poller counts: the rest
    /// is spent asking the poller again and again, so that no request is late.
    fn timeout(&self, now: Instant, until: Option<Instant>) -> Option<Duration> {
        let due = if self.idle.is_empty() { None } else { self.schedule.due(now) };
        let due = due.map(|due| Duration::from_millis(due.saturating_duration_since(now).as_millis() as u64));
        let end = until.map(|until| until.saturating_duration_since(now));
        match (due, end) {
            (Some(due), Some(end)) => Some(due.min(end)),
            (due, end) => due.or(end),
        }
    }

    /// Gives requests that are due to connections with nothing to do.
    fn give_out(&mut self, now: Instant) {
        while let Some(index) = self.idle.front().copied() {
            if self.schedule.due(now).is_none_or(|due| due > now) {
                return;
            }
            self.idle.pop_front();
            self.give(index, now);
        }
    }

    /// Gives a connection what is due, or puts it with those that wait.
    fn give(&mut self, index: usize, now: Instant) {
        let connection = &mut self.connections[index];
        while connection.requests.len() < self.options.pipeline {
            let Some(due) = self.schedule.next(now) else { break };
            connection.push(Request { target: self.targets.pick(), due }, &self.targets);
            self.active = now;
        }
        if connection.requests.is_empty() {
            self.idle.push_back(index);
        } else {
            // If it is broken the poller says so, and it is made anew.
            let _ = connection.send();
        }
    }

    fn turn(&mut self, event: &Event) -> io::Result<()> {
        let index = event.token().0;
        let connection = &mut self.connections[index];
        let was_idle = connection.requests.is_empty() && !connection.is_ending;
        let sent = connection.send();
        let may_have_ended = event.is_read_closed() || event.is_error();
        let received = sent.and_then(|()| {
            let (targets, tally, now) = (&mut self.targets, &mut self.tally, Instant::now());
            let close = self.options.close;
            let received = &mut 0;
            let outcome =
                connection.receive(&mut self.buffer, may_have_ended, received, |request, answer| {
                    targets.check(request.target, &answer)?;
                    tally.answers += 1;
                    tally.latencies.add(now.saturating_duration_since(request.due));
                    Ok(!answer.last && !close)
                });
            tally.bytes += *received;
            if *received > 0 {
                self.active = now;
            }
            outcome
        });
        match received {
            Ok(Outcome::Waiting) => {}
            Ok(Outcome::Idle) if was_idle => {}
            Ok(Outcome::Idle) => self.give(index, Instant::now()),
            Ok(Outcome::Ended) => self.connect(index, was_idle)?,
            Err(error) => {
                self.tell(&error);
                let lost = self.connections[index].requests.drain(..).len();
                self.schedule.replace(lost as u64);
                self.connect(index, was_idle)?;
            }
        }
        Ok(())
    }

    /// Makes a connection anew. One that was idle stays so.
    fn connect(&mut self, index: usize, was_idle: bool) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.targets.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest)?;
        stream.set_nodelay(true)?;
        self.connections[index].restart(stream, &self.targets);
        self.tally.reconnects += 1;
        if !was_idle {
            self.give(index, Instant::now());
        }
        Ok(())
    }

    fn tell(&mut self, error: &Error) {
        self.tally.errors += 1;
        self.tally.first_error.get_or_insert_with(|| error.to_string());
    }
}
